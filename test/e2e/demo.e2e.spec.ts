// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startLiveCluster, tempDir } from '@plumbline/testkit';
import { describeWith } from '@plumbline/testkit/vitest';
import { expect, it } from 'vitest';
import { bareEnvironment } from './fixture/topology.config.js';

const PLUMB = fileURLToPath(new URL('../../cli/bin/plumb.js', import.meta.url));
/** What the README promises, after the installation. */
const PROMISED_MS = 120_000;

interface Played {
  readonly code: number | null;
  readonly output: string;
  readonly durationMs: number;
}

async function playDemo(dataDir: string, ...args: readonly string[]): Promise<Played> {
  const startedMs = performance.now();
  const child = spawn(process.execPath, [PLUMB, 'demo', '--exit', '--data-dir', dataDir, ...args], {
    env: bareEnvironment(dataDir, {}),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, output, durationMs: performance.now() - startedMs };
}

/** The story in the order in which it must be told. */
const STORY = [
  /version 1[\s\S]*staging runs it/,
  /looks good/,
  /good morning/,
  /by hand/,
  /DriftDetected/,
  /SelfHeal/,
  /rollback web --to 1/,
  /plumb history/,
  /plumb audit/,
  /RollbackRequested/,
  /plumb status/,
  /released version 1/,
];

function expectStory({ code, output, durationMs }: Played): void {
  expect(code, output).toBe(0);
  let from = 0;
  for (const chapter of STORY) {
    const found = output.slice(from).search(chapter);
    expect(found, `${chapter.source} comes next in:\n${output.slice(from)}`).toBeGreaterThanOrEqual(0);
    from += found;
  }
  // time is what this tests
  expect(durationMs).toBeLessThan(PROMISED_MS);
}

describeWith(['postgres:embedded18', 'git'], 'plumb demo', () => {
  it('plays the story on two simulated clusters, and says that they are', async () => {
    await using dir = await tempDir('demo');
    const played = await playDemo(path.join(dir.path, 'data'));
    expectStory(played);
    expect(played.output).toContain('simulated');
    expect(existsSync(path.join(dir.path, 'data', 'postgres', 'postmaster.pid'))).toBe(false);
  });
});

describeWith(['postgres:embedded18', 'git', 'live-cluster'], 'plumb demo on a cluster of the user', () => {
  it('plays the same story on the context of a kubeconfig', async () => {
    await using cluster = await startLiveCluster();
    await using dir = await tempDir('demo');
    const context = /current-context: *"?([^"\n]+)/.exec(cluster.kubeconfig)?.[1] ?? '';
    const played = await playDemo(
      path.join(dir.path, 'data'),
      '--context',
      context,
      '--kubeconfig',
      cluster.kubeconfigPath,
    );
    expectStory(played);
    expect(played.output).not.toContain('simulated');
    const { body } = await cluster.request('GET', '/apis/apps/v1/namespaces/shop-production/deployments/web');
    expect(body.status.readyReplicas).toBe(body.spec.replicas);
  });
});
