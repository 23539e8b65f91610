// SPDX-License-Identifier: Apache-2.0
import { expect } from 'vitest';
import { type Check, configMap } from './bench.js';

/** Refusals by admission. */
export function admissionChecks(check: Check): void {
  check(
    'refuses what a policy denies, naming the policy and its message, also in a dry run, and lets the rest pass',
    async (bench) => {
      const namespace = await bench.namespace();
      const policy = await bench.target.deny({
        operation: 'CREATE',
        namespace,
        label: 'bad',
        message: 'no bad ones here',
      });
      const bad = configMap(namespace, 'bad', {}, { labels: { bad: 'true' } });
      for (const dryRun of [false, true]) {
        await expect(bench.apply(bad, { dryRun })).rejects.toMatchObject({
          code: 'PLB-6106',
          retry: 'never',
          denial: { by: 'policy', name: policy },
          message: expect.stringContaining('no bad ones here'),
        });
      }
      expect(await bench.get(bad)).toBeUndefined();
      expect((await bench.apply(configMap(namespace, 'good'))).created).toBe(true);
    },
  );

  check('refuses an update that a policy denies and keeps the object', async (bench) => {
    const namespace = await bench.namespace();
    const { object } = await bench.apply(configMap(namespace, 'a', { x: '1' }, { labels: { locked: 'true' } }));
    await bench.target.deny({ operation: 'UPDATE', namespace, label: 'locked', message: 'locked' });
    await expect(
      bench.apply(configMap(namespace, 'a', { x: '2' }, { labels: { locked: 'true' } })),
    ).rejects.toMatchObject({ denial: { by: 'policy' } });
    expect(await bench.get(object)).toEqual(object);
  });

  check('refuses a delete that a policy denies', async (bench) => {
    const namespace = await bench.namespace();
    const { object } = await bench.apply(configMap(namespace, 'a', {}, { labels: { keep: 'true' } }));
    const policy = await bench.target.deny({ operation: 'DELETE', namespace, label: 'keep', message: 'kept' });
    await expect(bench.delete(object)).rejects.toMatchObject({ denial: { by: 'policy', name: policy } });
    expect(await bench.get(object)).toEqual(object);
  });
}
