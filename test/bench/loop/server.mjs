// SPDX-License-Identifier: Apache-2.0
// One standalone process for the bench: the built one, started as `plumb up` starts it, on free ports, with its data
// in a directory of its own.
import { spawn } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { createWriteStream, existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PlumblineClient } from '@plumbline/api-client';
import { freePort } from '@plumbline/testkit';

const MAIN = fileURLToPath(new URL('../../../services/standalone/dist/main.js', import.meta.url));
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;

export async function startServer(root, profileDir) {
  if (!existsSync(MAIN)) throw new Error('build first: npm run build');
  const dataDir = join(root, 'data');
  await mkdir(dataDir, { mode: 0o700 });
  const secret = randomBytes(16).toString('hex');
  await writeFile(join(root, 'webhook.secret'), secret, { mode: 0o600 });
  const [port, grpc, health] = [await freePort(), await freePort(), await freePort()];
  const profile =
    profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`, '--cpu-prof-interval=500'];
  const child = spawn(
    process.execPath,
    ['--enable-source-maps', '--max-semi-space-size=16', '--v8-pool-size=1', ...profile, MAIN],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH,
        HOME: root,
        PLUMBLINE_DATA_DIR: dataDir,
        PLUMBLINE_GATEWAY_LISTEN: `127.0.0.1:${port}`,
        PLUMBLINE_GATEWAY_GRPC_LISTEN: `127.0.0.1:${grpc}`,
        PLUMBLINE_HEALTH_LISTEN: `127.0.0.1:${health}`,
        PLUMBLINE_GATEWAY_WEBHOOK_SECRET_FILE: join(root, 'webhook.secret'),
        PLUMBLINE_GATEWAY_WEBHOOKS_PER_MINUTE: '100000',
      },
    },
  );
  const log = createWriteStream(join(root, 'server.log'));
  child.stdout.pipe(log);
  child.stderr.pipe(log);
  const ended = new Promise((resolve) => child.once('close', resolve));
  const url = `http://127.0.0.1:${port}`;
  for (;;) {
    if (child.exitCode !== null)
      throw new Error(`the server ended: ${readFileSync(join(root, 'server.log'), 'utf8').slice(-3_000)}`);
    if (
      await fetch(`http://127.0.0.1:${health}/readyz`).then(
        (response) => response.ok,
        () => false,
      )
    )
      break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const token = (await readFile(join(dataDir, 'admin.token'), 'utf8')).trim();
  return {
    url,
    client: new PlumblineClient({ server: url, token, userAgent: 'plumbline-bench' }),
    usage: () => usageOf(child.pid),
    webhook: async (repository) => {
      const body = JSON.stringify({ repository, ref: 'refs/heads/main' });
      const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
      const { status } = await fetch(`${url}/webhooks/generic`, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json', 'x-hub-signature-256': signature },
      });
      if (status !== 202) throw new Error(`the webhook was answered with ${status}`);
    },
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/**
 * CPU seconds and resident memory of the process, of its database (all backends), and of everything else that it
 * started (Linux).
 */
export function usageOf(pid) {
  if (!existsSync('/proc/self/stat'))
    return { node: 0, postgres: 0, others: 0, rssMb: 0, postgresRssMb: 0, othersRssMb: 0 };
  const stats = new Map();
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const text = readFileSync(`/proc/${entry}/stat`, 'utf8');
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
      stats.set(Number(entry), {
        name: text.slice(text.indexOf('(') + 1, text.lastIndexOf(')')),
        parent: Number(fields[1]),
        cpu: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
        ended: (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND,
        rss: Number(fields[21]) * PAGE_BYTES,
      });
    } catch {
      // It has ended since the directory was read.
    }
  }
  const below = (parent) =>
    [...stats].filter(([, stat]) => stat.parent === parent).flatMap(([child]) => [child, ...below(child)]);
  const own = stats.get(pid);
  const children = below(pid).flatMap((child) => stats.get(child) ?? []);
  const sum = (isCounted, key) => children.filter(isCounted).reduce((total, stat) => total + stat[key], 0);
  const isPostgres = ({ name }) => name.startsWith('postgres');
  const isOther = (stat) => !isPostgres(stat);
  return {
    node: own?.cpu ?? 0,
    postgres: sum(isPostgres, 'cpu') + sum(isPostgres, 'ended'),
    others: (own?.ended ?? 0) + sum(isOther, 'cpu') + sum(isOther, 'ended'),
    rssMb: Math.round((own?.rss ?? 0) / 1e6),
    postgresRssMb: Math.round(sum(isPostgres, 'rss') / 1e6),
    othersRssMb: Math.round(sum(isOther, 'rss') / 1e6),
  };
}
