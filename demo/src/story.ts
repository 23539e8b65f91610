// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { PlumblineClient } from '@plumbline/api-client';
import { type DemoCluster, editReplicas, replicasOn } from './clusters.js';
import { childEnvironment } from './options.config.js';
import type { SampleRepository } from './sample-repository.js';
import type { DemoServer } from './server.js';

/** What the story is played with. */
export interface Stage {
  readonly server: DemoServer;
  readonly repository: SampleRepository;
  readonly staging: DemoCluster;
  readonly production: DemoCluster;
  readonly say: (text: string) => void;
}

/** One change from commit to cluster, an approval, drift and its healing, a rollback. */
export async function playStory(stage: Stage): Promise<void> {
  await firstVersion(stage);
  await approval(stage);
  await oneChange(stage);
  await drift(stage);
  await rollback(stage);
  await look(stage);
}

async function firstVersion({ server, say, staging }: Stage): Promise<void> {
  say('1. The first commit becomes version 1, goes to staging by itself, and waits there for its health.');
  await plumb(server, 'wait', 'web', '--environment', 'staging', '--for', 'healthy', '--timeout', '2m');
  say(`   staging runs it: ${await replicasOn(staging)} replica of "web" on cluster ${staging.name}`);
}

async function approval({ server, say }: Stage): Promise<void> {
  say('2. Production comes after staging and wants one approval, bound to the digest of the rendered objects.');
  await until(
    server,
    async (client, seen) => (await client.approvals({ application: 'default/web', ...seen })).items.length > 0,
  );
  await plumb(server, 'get', 'approvals');
  await plumb(server, 'approve', 'web', '1', '--environment', 'production', '--comment', 'looks good');
  await plumb(server, 'wait', 'web', '--for', 'healthy', '--timeout', '2m');
}

async function oneChange({ server, repository, say }: Stage): Promise<void> {
  say(
    '3. A commit changes the base of "web": version 2. The application "settings" is not touched: no render, no event.',
  );
  const commit = await repository.change('web/base/web.yaml', {
    from: 'greeting: hello',
    to: 'greeting: good morning',
    message: 'a friendlier greeting',
  });
  await plumb(server, 'refresh', 'shop');
  await plumb(server, 'wait', 'web', '--commit', commit, '--environment', 'staging', '--timeout', '2m');
  await until(server, async (client, seen) =>
    (await client.approvals({ application: 'default/web', ...seen })).items.some(({ version }) => version === 2),
  );
  await plumb(server, 'diff', 'web', '--environment', 'production', '--from', '1', '--to', '2');
  await plumb(server, 'approve', 'web', '2', '--environment', 'production');
  await plumb(server, 'wait', 'web', '--version', '2', '--for', 'healthy', '--timeout', '2m');
}

async function drift({ server, production, say }: Stage): Promise<void> {
  const before = await replicasOn(production);
  say(
    `4. Somebody scales "web" on cluster ${production.name} from ${before} to ${before + 4} by hand. A watch sees it; it is healed.`,
  );
  const { head } = await server.client.events({ limit: 1, after: -1 });
  await editReplicas(production, before + 4);
  await until(server, async (client) => {
    const { events } = await client.events({ after: head, types: ['SyncCompleted'], application: 'default/web' });
    return events.some((event) => event.type === 'SyncCompleted' && event.data.cause === 'SelfHeal');
  });
  await plumb(server, 'wait', 'web', '--for', 'healthy', '--timeout', '2m');
  say(`   replicas are ${await replicasOn(production)} again; the log knows what drifted and who did it:`);
  await plumb(
    server,
    'events',
    '--after',
    String(head),
    '--type',
    'DriftDetected',
    '--type',
    'SyncStarted',
    '--type',
    'SyncCompleted',
  );
}

async function rollback({ server, say }: Stage): Promise<void> {
  say('5. Back to version 1: a new release of a stored version. Nothing is fetched or rendered.');
  await plumb(server, 'rollback', 'web', '--to', '1', '--reason', 'the greeting was too friendly');
  await until(server, async (client, seen) =>
    (await client.status('default/web', seen)).environments.every(({ released }) => released?.version === 1),
  );
  await plumb(server, 'wait', 'web', '--for', 'healthy', '--timeout', '2m');
}

async function look({ server, say }: Stage): Promise<void> {
  say('6. What the log tells. The history of the application:');
  await plumb(server, 'history', 'web', '-o', 'wide');
  say('   who decided and changed what:');
  await plumb(server, 'audit', '--application', 'web', '--order', 'asc');
  say('   and where everything is now:');
  await plumb(server, 'status', 'web');
}

/** Runs a real `plumb` command, shown as a person would type it. */
async function plumb(server: DemoServer, ...args: readonly string[]): Promise<void> {
  process.stdout.write(`   $ plumb ${args.map((arg) => (arg.includes(' ') ? `"${arg}"` : arg)).join(' ')}\n`);
  const child = spawn(process.execPath, [fileURLToPath(new URL('../../cli/bin/plumb.js', import.meta.url)), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: childEnvironment({ PLUMBLINE_SERVER: server.url, PLUMBLINE_TOKEN: server.token }),
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  process.stdout.write(text.replaceAll(/^(?=.)/gm, '     '));
  if (code !== 0) throw new Error(`plumb ${args.join(' ')} ended with status ${code ?? 'none'}`);
}

/**
 * Waits until something is so: woken by every event of the log, never by a clock alone. Each look sees at least the
 * event that woke it.
 */
async function until(
  server: DemoServer,
  isSo: (client: PlumblineClient, seen: { readonly minPosition: number }) => Promise<boolean>,
): Promise<void> {
  const signal = AbortSignal.timeout(120_000);
  const { head } = await server.client.events({ limit: 1, after: -1 });
  if (await isSo(server.client, { minPosition: head })) return;
  for await (const { position } of server.client.follow({ after: head, signal })) {
    if (await isSo(server.client, { minPosition: position })) return;
  }
  throw new Error(
    'the demo waited two minutes for something that did not happen; see server.log in its data directory',
  );
}
