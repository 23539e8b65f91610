// SPDX-License-Identifier: Apache-2.0
import { runProcess } from '@plumbline/platform';
import { startStandalone } from './standalone.js';
import { standaloneOptions } from './standalone.config.js';

const running = await runProcess({
  name: 'standalone',
  stopTimeoutMs: 60_000,
  start: async () => startStandalone(standaloneOptions()),
});
process.stdout.write(
  `Plumbline is up.\n  REST   ${running.url}\n  gRPC   ${running.grpcUrl}\n  token  ${running.adminTokenFile}\n`,
);
