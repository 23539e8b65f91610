// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { applicationResource, sampleFiles } from '../fixture/samples.js';
import type { TestEnvironment } from '../fixture/test-environment.js';

async function expectHealed({ topology: { observer }, east }: TestEnvironment, application: string): Promise<void> {
  const path = `/api/v1/namespaces/${application}/configmaps/${application}`;
  const wanted = (await east.get(path)).data;
  const before = observer.head;
  await east.edit(path, { data: { greeting: 'by hand' } });
  const healed = await observer.first(
    'SyncCompleted',
    ({ data }) =>
      data.application === `default/${application}` && data.cause === 'SelfHeal' && data.result === 'Succeeded',
    { after: before },
  );
  expect((await east.get(path)).data).toEqual(wanted);
  const drift = observer
    .ofType('DriftDetected', before)
    .find(({ data }) => data.application === `default/${application}`);
  expect(drift?.data.objects).toMatchObject([{ key: `/ConfigMap/${application}/${application}`, kind: 'Changed' }]);
  expect(drift?.position).toBeLessThan(healed.position);
}

/** What keeps a cluster true once it is. */
export function reconciliationStories(fixture: () => TestEnvironment): void {
  it('a manual edit and a manual deletion are healed, and the log shows what drifted', async () => {
    const {
      topology: { observer },
      repository,
      apply,
      healthy,
      east,
    } = fixture();
    await repository('drifting', sampleFiles('deploy', 'drifting'));
    await apply(applicationResource('drifting', { repository: 'drifting', path: 'deploy', namespace: 'drifting' }));
    await healthy('drifting', { version: 1 });
    await expectHealed(fixture(), 'drifting');
    const before = observer.head;
    const service = '/api/v1/namespaces/drifting/services/drifting';
    await east.remove(service);
    await observer.first(
      'SyncCompleted',
      ({ data }) => data.application === 'default/drifting' && data.cause === 'SelfHeal',
      { after: before },
    );
    expect(await east.get(service)).toBeDefined();
    await healthy('drifting', { version: 1 });
  });

  it('an object that left the repository is pruned; a field of somebody else is left alone', async () => {
    const {
      topology: { client, observer },
      repository,
      apply,
      healthy,
      east,
    } = fixture();
    const source = await repository('pruned', {
      ...sampleFiles('deploy', 'pruned'),
      'deploy/extra.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: extra }\ndata: { a: b }\n',
    });
    await apply(applicationResource('pruned', { repository: 'pruned', path: 'deploy', namespace: 'pruned' }));
    await healthy('pruned', { version: 1 });
    await east.edit('/api/v1/namespaces/pruned/configmaps/pruned', {
      metadata: { annotations: { 'example.com/note': 'mine' } },
    });
    const commit = await source.commit({ files: { 'deploy/extra.yaml': undefined } });
    await client.refresh('pruned');
    await healthy('pruned', { commit });
    expect(await east.get('/api/v1/namespaces/pruned/configmaps/extra')).toBeUndefined();
    expect(
      (await east.get('/api/v1/namespaces/pruned/configmaps/pruned')).metadata.annotations['example.com/note'],
    ).toBe('mine');
    const sync = observer
      .ofType('SyncCompleted')
      .find(({ data }) => data.application === 'default/pruned' && data.version === 2);
    expect(sync?.data.changes.inline).toContainEqual(
      expect.objectContaining({ key: '/ConfigMap/pruned/extra', action: 'Pruned' }),
    );
  });

  it('a directory that became empty deletes nothing before somebody confirms it', async () => {
    const {
      topology: { client, observer },
      repository,
      apply,
      healthy,
      east,
    } = fixture();
    const source = await repository('emptied', sampleFiles('deploy', 'emptied', { deployment: false }));
    await apply(applicationResource('emptied', { repository: 'emptied', path: 'deploy', namespace: 'emptied' }));
    await healthy('emptied', { version: 1 });
    const before = observer.head;
    await source.commit({
      files: { 'deploy/settings.yaml': '# nothing here any more\n', 'deploy/service.yaml': undefined },
    });
    await client.refresh('emptied');
    const held = await observer.first('SyncCompleted', ({ data }) => data.application === 'default/emptied', {
      after: before,
    });
    expect(held.data).toMatchObject({ version: 2, result: 'Partial', reason: 'EmptyRender' });
    expect(await east.get('/api/v1/namespaces/emptied/configmaps/emptied')).toBeDefined();
    expect((await client.targets({ application: 'emptied', minPosition: held.position })).items[0]?.sync).toMatchObject(
      { reason: 'EmptyRender', message: expect.stringContaining('--confirm-prune') as unknown },
    );
    await client.sync('emptied', { confirmPrune: true });
    await observer.first(
      'SyncCompleted',
      ({ data }) => data.application === 'default/emptied' && data.result === 'Succeeded',
      { after: held.position },
    );
    expect(await east.get('/api/v1/namespaces/emptied/configmaps/emptied')).toBeUndefined();
  });

  it('a deleted branch keeps the last good version, which is still kept true', async () => {
    const {
      topology: { client, observer },
      repository,
      apply,
      healthy,
    } = fixture();
    const source = await repository('branched', { 'README.md': 'empty' });
    await source.commit({ branch: 'live', files: sampleFiles('deploy', 'branched', { deployment: false }) });
    await apply(
      applicationResource('branched', { repository: 'branched', ref: 'live', path: 'deploy', namespace: 'branched' }),
    );
    await healthy('branched', { version: 1 });
    await source.deleteBranch('live');
    await client.refresh('branched');
    await observer.first('RefMissing', ({ data }) => data.repository === 'branched');
    await expectHealed(fixture(), 'branched');
    await healthy('branched', { version: 1 });
    const commit = await source.commit({
      branch: 'live',
      files: sampleFiles('deploy', 'branched', { greeting: 'back again', deployment: false }),
    });
    await client.refresh('branched');
    await healthy('branched', { commit });
  });

  it('a deleted application takes its objects along; an orphaned one leaves them', async () => {
    const {
      topology: { client, observer },
      repository,
      apply,
      healthy,
      east,
    } = fixture();
    for (const name of ['deleted', 'orphaned']) {
      await repository(name, sampleFiles('deploy', name, { deployment: false }));
      await apply(applicationResource(name, { repository: name, path: 'deploy', namespace: name }));
      await healthy(name, { version: 1 });
    }
    await client.deleteApplication('deleted');
    await client.deleteApplication('orphaned', { mode: 'orphan' });
    for (const name of ['deleted', 'orphaned'])
      await observer.first('TargetRemoved', ({ data }) => data.application === `default/${name}`);
    expect(await east.get('/api/v1/namespaces/deleted/configmaps/deleted')).toBeUndefined();
    expect((await east.get('/api/v1/namespaces/orphaned/configmaps/orphaned')).data).toEqual({ greeting: 'hello' });
    await expect(client.application('deleted', { minPosition: observer.head })).rejects.toMatchObject({
      httpStatus: 404,
    });
  });
}
