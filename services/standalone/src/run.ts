// SPDX-License-Identifier: Apache-2.0
import { runProcess } from '@plumbline/platform';
import { progress } from './progress.js';
import { standaloneOptions } from './standalone.config.js';
import { startStandalone } from './standalone.js';

/** Runs the standalone process until a signal ends it; prints the steps of the start, then the addresses. */
export async function run(): Promise<void> {
  const running = await runProcess({
    name: 'standalone',
    stopTimeoutMs: 60_000,
    start: async () => startStandalone({ ...standaloneOptions(), onProgress: progress }),
  });
  progress(
    [
      'Plumbline is up.',
      `  REST   ${running.url}`,
      `  gRPC   ${running.grpcUrl}`,
      `  health ${running.healthUrl}`,
      `  token  ${running.adminTokenFile}`,
    ].join('\n'),
  );
}
