// SPDX-License-Identifier: Apache-2.0
import { defineConfig } from 'vitest/config';

const shared = {
  resolve: { conditions: ['@plumbline/source', 'node'] },
  ssr: { resolve: { conditions: ['@plumbline/source', 'node'] } },
  oxc: { decorator: { legacy: true } },
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
          testTimeout: 10_000,
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
          testTimeout: 60_000,
          hookTimeout: 120_000,
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
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
