// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  formatAddCheckpoint,
  formatCheckpoint,
  Frontier,
  generateSigningKeyPem,
  leafHash,
  openCheckpoint,
  parseVerifierKey,
  pemSigner,
  signNote,
} from '@plumbline/merkle';
import { ManagedProcess, tempDir, type TempDir } from '@plumbline/testkit';
import { describe, expect, it } from 'vitest';

const BIN = fileURLToPath(new URL('../bin/plumbline-witness.js', import.meta.url));
const NAME = 'witness.test/process';
const log = pemSigner(generateSigningKeyPem(), 'plumbline.test/log');
const leaves = [leafHash('a'), leafHash('b')];

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function run(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [BIN, ...args], (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), out, err }),
    );
  });
}

const argsOf = (dir: TempDir): readonly string[] => [
  'serve',
  '--name',
  NAME,
  '--key',
  path.join(dir.path, 'witness.key'),
  '--state',
  path.join(dir.path, 'state.json'),
  '--log',
  log.key.text,
  '--listen',
  '127.0.0.1:0',
];

async function start(dir: TempDir): Promise<{ readonly url: string; readonly child: ManagedProcess }> {
  const child = await ManagedProcess.start({
    name: 'plumbline-witness',
    command: process.execPath,
    args: [BIN, ...argsOf(dir)],
    ready: (output) => /listens at http/.test(output),
  });
  return { url: /listens at (http\S+)/.exec(child.output)?.[1] ?? '', child };
}

/** A checkpoint of so many entries, or of another tree. */
async function request(
  oldSize: number,
  size: number,
  root = Frontier.empty.append(leaves.slice(0, size)).root(),
): Promise<{ readonly body: string; readonly note: string }> {
  const note = await signNote(formatCheckpoint({ origin: log.key.name, size, root }), log);
  return {
    note,
    body: formatAddCheckpoint({ oldSize, proof: oldSize === 1 && size === 2 ? [leaves[1] ?? leafHash('')] : [], note }),
  };
}

const post = (url: string, body: string): Promise<Response> => fetch(`${url}/add-checkpoint`, { method: 'POST', body });

describe('plumbline-witness', () => {
  it('makes a key once, cosigns with it, and remembers what it cosigned through a kill', async () => {
    await using dir = await tempDir('witness');
    const keyFile = path.join(dir.path, 'witness.key');
    const made = await run('keygen', '--name', NAME, '--key', keyFile);
    expect(made).toMatchObject({ code: 0, err: '' });
    const key = parseVerifierKey(made.out);
    expect(key).toMatchObject({ name: NAME, use: 'cosignature' });
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
    expect((await run('keygen', '--name', NAME, '--key', keyFile)).code).toBe(1);
    expect((await run('key', '--name', NAME, '--key', keyFile)).out.trim()).toBe(key.text);
    {
      const { url, child } = await start(dir);
      await using _ = child;
      const { body, note } = await request(0, 1);
      const answer = await post(url, body);
      expect(answer.status).toBe(200);
      expect(openCheckpoint(note + (await answer.text()), log.key, [key]).signatures).toHaveLength(2);
      await child.kill();
    }
    const { url, child } = await start(dir);
    await using _ = child;
    const fork = await post(url, (await request(0, 2, leafHash('another tree'))).body);
    expect([fork.status, fork.headers.get('content-type'), await fork.text()]).toEqual([
      409,
      'text/x.tlog.size',
      '1\n',
    ]);
    expect((await post(url, (await request(1, 2, leafHash('another tree'))).body)).status).toBe(422);
    expect((await post(url, (await request(1, 2)).body)).status).toBe(200);
    expect(JSON.parse(await readFile(path.join(dir.path, 'state.json'), 'utf8'))).toMatchObject({
      logs: { [log.key.name]: { size: 2 } },
    });
  });

  it('answers nothing else, and nothing that is too large', async () => {
    await using dir = await tempDir('witness');
    await run('keygen', '--name', NAME, '--key', path.join(dir.path, 'witness.key'));
    const { url, child } = await start(dir);
    await using _ = child;
    const status = async (target: string, init?: RequestInit): Promise<number> =>
      (await fetch(url + target, init)).status;
    expect([
      await status('/healthz'),
      await status('/'),
      await status('/add-checkpoint'),
      (await post(url, 'nonsense')).status,
      (await post(url, 'x'.repeat(100_000))).status,
    ]).toEqual([200, 404, 405, 400, 413]);
  });

  it('does not start with a state that it cannot read: it would cosign whatever comes', async () => {
    await using dir = await tempDir('witness');
    await run('keygen', '--name', NAME, '--key', path.join(dir.path, 'witness.key'));
    await writeFile(path.join(dir.path, 'state.json'), '{"logs":{"a":{"size":-1}}');
    expect(await run(...argsOf(dir))).toMatchObject({ code: 1, err: expect.stringContaining('damaged') as unknown });
  });

  it('tells what is missing on its line', async () => {
    expect(await run()).toMatchObject({ code: 2, err: expect.stringContaining('keygen') as unknown });
    expect((await run('serve', '--name', NAME)).err).toContain('option --key is required');
    expect((await run('frobnicate')).code).toBe(2);
  });
});
