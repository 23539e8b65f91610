// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { applicationResource, environmentOf, sampleFiles } from '../fixture/samples.js';
import type { TestEnvironment } from '../fixture/test-environment.js';

/** Approvals, rollbacks, pauses. */
export function decisionStories(fixture: () => TestEnvironment): void {
  it('production waits for an approval; the author does not count, somebody else does', async () => {
    const {
      topology: { client, clientWith, observer },
      repository,
      apply,
      healthy,
      west,
    } = fixture();
    const author = clientWith(
      (await client.issueToken({ name: 'ada', role: 'operator', emails: ['ada@example.com'] })).token,
    );
    const reviewer = clientWith(
      (await client.issueToken({ name: 'grace', role: 'operator', emails: ['grace@example.com'] })).token,
    );
    await repository('gated', sampleFiles('deploy', 'gated', { deployment: false }));
    const environments = [
      environmentOf('staging', { namespace: 'gated-staging' }),
      environmentOf('production', {
        namespace: 'gated-production',
        after: ['staging'],
        approvals: { required: 1, excludeAuthors: true },
      }),
    ];
    await apply(applicationResource('gated', { repository: 'gated', path: 'deploy', environments }));
    await healthy('gated', { version: 1, environment: 'staging' });
    const waiting = await observer.until('an approval with its plan', async () => {
      const found = (await client.approvals({ application: 'gated' })).items[0];
      const version = (await client.versions('gated', { environment: 'production' })).items[0];
      return found !== undefined && version?.plans['west'] !== undefined ? { found, version } : undefined;
    });
    expect(waiting.found).toMatchObject({
      environment: 'production',
      version: 1,
      required: 1,
      excluded: ['ada@example.com'],
    });
    // Its namespace does not exist yet, so nothing in it can be tried: the plan says so.
    expect(waiting.version.plans['west']).toMatchObject({
      partial: true,
      changes: { counts: { Unverified: expect.any(Number) as unknown } },
    });
    expect(await west.get('/api/v1/namespaces/gated-production/configmaps/gated')).toBeUndefined();
    expect(await author.approve('gated', 1, { environment: 'production' })).toMatchObject({
      outcome: 'Refused',
      reason: 'IsAuthor',
    });
    const granted = await reviewer.approve('gated', 1, {
      environment: 'production',
      renderDigest: waiting.found.renderDigest,
      comment: 'good',
    });
    expect(granted).toMatchObject({ outcome: 'Granted', granted: 1, required: 1 });
    const { released } = await healthy('gated', { version: 1, environment: 'production' });
    expect(released?.releases).toMatchObject([{ kind: 'Approved' }]);
    expect(await west.get('/api/v1/namespaces/gated-production/configmaps/gated')).toBeDefined();
    expect(observer.ofType('ApprovalGranted').filter(({ data }) => data.application === 'default/gated')).toMatchObject(
      [{ data: { approverName: 'grace', comment: 'good' } }],
    );
  });

  it('a rollback to version 1 holds against Git, until a new commit moves on', async () => {
    const {
      topology: { client, observer },
      repository,
      apply,
      healthy,
      east,
    } = fixture();
    const source = await repository('back', sampleFiles('deploy', 'back', { greeting: 'one' }));
    await apply(applicationResource('back', { repository: 'back', path: 'deploy', namespace: 'back' }));
    await healthy('back', { version: 1 });
    const second = await source.commit({ files: sampleFiles('deploy', 'back', { greeting: 'two' }) });
    await client.refresh('back');
    await healthy('back', { commit: second });
    const before = observer.head;
    const result = await client.rollback('back', { toVersion: 1, reason: 'two was wrong' });
    expect(result).toMatchObject({ outcome: 'Released', releases: [{ environment: 'staging', version: 1 }] });
    await healthy('back', { version: 1 });
    expect((await east.get('/api/v1/namespaces/back/configmaps/back')).data).toEqual({ greeting: 'one' });
    // Looking at Git again must not bring version 2 back, nor render anything.
    await client.refresh('back');
    await source.commit({ files: { 'README.md': 'nothing to deploy' } });
    await client.refresh('back');
    await observer.first('RevisionObserved', ({ data }) => data.repository === 'back' && data.previous === second);
    expect(
      observer.ofType('VersionRendered', before).filter(({ data }) => data.application === 'default/back'),
    ).toEqual([]);
    const third = await source.commit({ files: sampleFiles('deploy', 'back', { greeting: 'three' }) });
    await client.refresh('back');
    await healthy('back', { commit: third, version: 3 });
    expect(
      observer
        .ofType('VersionReleased')
        .filter(({ data }) => data.application === 'default/back')
        .map(({ data }) => [data.version, data.kind]),
    ).toEqual([
      [1, 'Automatic'],
      [2, 'Automatic'],
      [1, 'Rollback'],
      [3, 'Automatic'],
    ]);
    expect((await client.history('back')).items.map(({ version }) => version)).toEqual([3, 2, 1]);
  });

  it('a rollback to a version that never was is refused with the reason', async () => {
    const {
      topology: { client },
      repository,
      apply,
      healthy,
    } = fixture();
    await repository('nowhere', sampleFiles('deploy', 'nowhere', { deployment: false }));
    await apply(applicationResource('nowhere', { repository: 'nowhere', path: 'deploy', namespace: 'nowhere' }));
    await healthy('nowhere', { version: 1 });
    const refused = await client.rollback('nowhere', { toVersion: 7 }).catch((error: unknown) => error);
    expect(refused).toSatisfy(
      (answer) => answer instanceof Error || (answer as { outcome: string }).outcome === 'Refused',
    );
  });

  it('a suspended application is only watched; resumed, it catches up', async () => {
    const {
      topology: { client, observer },
      repository,
      apply,
      healthy,
      east,
    } = fixture();
    const source = await repository('paused', sampleFiles('deploy', 'paused', { deployment: false }));
    await apply(applicationResource('paused', { repository: 'paused', path: 'deploy', namespace: 'paused' }));
    await healthy('paused', { version: 1 });
    await client.suspend('paused', 'an incident');
    const before = observer.head;
    const commit = await source.commit({
      files: sampleFiles('deploy', 'paused', { greeting: 'later', deployment: false }),
    });
    await client.refresh('paused');
    await observer.first('VersionRendered', ({ data }) => data.application === 'default/paused' && data.version === 2);
    await east.edit('/api/v1/namespaces/paused/configmaps/paused', { data: { greeting: 'by hand' } });
    await observer.first('DriftDetected', ({ data }) => data.application === 'default/paused', { after: before });
    expect(observer.ofType('SyncStarted', before).filter(({ data }) => data.application === 'default/paused')).toEqual(
      [],
    );
    expect((await east.get('/api/v1/namespaces/paused/configmaps/paused')).data).toEqual({ greeting: 'by hand' });
    await client.resume('paused');
    await healthy('paused', { commit });
    expect((await east.get('/api/v1/namespaces/paused/configmaps/paused')).data).toEqual({ greeting: 'later' });
  });
}
