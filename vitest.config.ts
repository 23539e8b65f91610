// SPDX-License-Identifier: Apache-2.0
import { defineConfig } from 'vitest/config';

const shared = {
  resolve: { conditions: ['@plumbline/source', 'node'] },
  ssr: { resolve: { conditions: ['@plumbline/source', 'node'] } },
  oxc: { decorator: { legacy: true } },
};

/**
 * Limits only bound a test that fails: they allow for a machine that is 20 times slower than usual. The limit of a test
 * is above the 120 s of a single wait (`WAIT_LIMIT_MS` in libs/testkit), so that a failed wait names its condition.
 */
const limits = {
  setupFiles: ['libs/testkit/src/vitest/wait-defaults.ts'],
  expect: { poll: { timeout: 120_000, interval: 20 } },
  testTimeout: 300_000,
  hookTimeout: 300_000,
};

export default defineConfig({
  test: {
    projects: [
      {
        ...shared,
        test: {
          name: 'unit',
          sequence: { groupOrder: 0 },
          include: [
            '{libs,services}/*/src/**/*.unit.spec.ts',
            '{cli,witness,simulated-cluster}/src/**/*.unit.spec.ts',
            'test/{architecture,e2e}/**/*.unit.spec.ts',
          ],
          pool: 'threads',
          isolate: false,
          ...limits,
        },
      },
      {
        ...shared,
        test: {
          name: 'int',
          sequence: { groupOrder: 1 },
          include: [
            '{libs,services}/*/src/**/*.int.spec.ts',
            '{cli,witness,simulated-cluster}/src/**/*.int.spec.ts',
            'test/chart/**/*.int.spec.ts',
          ],
          pool: 'forks',
          globalSetup: ['libs/testkit/src/vitest/global-setup.ts'],
          maxWorkers: 2,
          ...limits,
        },
      },
      {
        ...shared,
        test: {
          name: 'e2e',
          sequence: { groupOrder: 2 },
          include: ['test/**/*.e2e.spec.ts'],
          pool: 'forks',
          globalSetup: ['libs/testkit/src/vitest/global-setup.ts'],
          maxWorkers: 1,
          ...limits,
          testTimeout: 900_000,
          hookTimeout: 900_000,
        },
      },
    ],
  },
});
