// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { applicationResource, sampleFiles } from '../fixture/samples.js';
import type { TestEnvironment } from '../fixture/test-environment.js';

/** Stopping and starting. */
export function restartStories(fixture: () => TestEnvironment): void {
  it('an orderly stop and start appends nothing, keeps the token and the clusters, and goes on with the next commit', async () => {
    const {
      topology: { client, observer, services },
      repository,
      apply,
      healthy,
      east,
    } = fixture();
    const source = await repository('restarted', sampleFiles('deploy', 'restarted'));
    await apply(applicationResource('restarted', { repository: 'restarted', path: 'deploy', namespace: 'restarted' }));
    const { targets } = await healthy('restarted', { version: 1 });
    const before = (await client.events({ limit: 1 })).head;
    await Promise.all(services.map(async (service) => service.stop()));
    expect(services.map(({ isRunning }) => isRunning)).toEqual(services.map(() => false));
    await Promise.all(services.map(async (service) => service.start()));
    // It is seen, so the clusters are connected and everything has been looked at again.
    await east.edit('/api/v1/namespaces/restarted/configmaps/restarted', { data: { greeting: 'by hand' } });
    const drift = await observer.first('DriftDetected', ({ data }) => data.application === 'default/restarted', {
      after: before,
    });
    expect(
      observer.events
        .filter(({ position }) => position > before && position < drift.position)
        .map(({ type, stream }) => `${type} ${stream}`),
    ).toEqual([]);
    await healthy('restarted', { version: 1 });
    const commit = await source.commit({
      files: sampleFiles('deploy', 'restarted', { greeting: 'after the restart' }),
    });
    await client.refresh('restarted');
    const after = await healthy('restarted', { commit, version: 2 });
    expect((await east.get('/api/v1/namespaces/restarted/configmaps/restarted')).data).toEqual({
      greeting: 'after the restart',
    });
    expect(after.targets.map(({ cluster }) => cluster)).toEqual(targets.map(({ cluster }) => cluster));
  });
}
