// SPDX-License-Identifier: Apache-2.0
import { decodeEvent, type RecordedEvent } from '@plumbline/events';
import { describe, expect, it } from 'vitest';
import { evolveViews, versionKey, ViewStore } from './index.js';
import { APP, at, changes, commit, digest, Story } from './story.fixture.js';

describe('targets', () => {
  it('go from released over syncing to synced', () => {
    const story = new Story().declared().rendered(1).released(1, 1);
    expect(story.target).toMatchObject({ desiredVersion: 1, sync: { state: 'OutOfSync', reason: 'Released' } });
    story.add('SyncStarted', {
      ...at,
      syncId: 's',
      version: 1,
      releaseId: 'r',
      generation: 1,
      renderDigest: digest(1),
      cause: 'Release',
      inventoryDigest: digest(7),
      objectCount: 1,
    });
    expect(story.target).toMatchObject({ running: { syncId: 's' }, sync: { state: 'Syncing' } });
    story.synced(1);
    expect(story.target).toMatchObject({ version: 1, sync: { state: 'Synced' }, lastSync: { result: 'Succeeded' } });
    expect(story.target).not.toHaveProperty('running');
  });

  it('keep the version that runs when a sync of a newer one fails', () => {
    const story = new Story()
      .declared()
      .rendered(1)
      .released(1, 1)
      .synced(1)
      .rendered(2)
      .released(2, 2)
      .synced(2, 'Failed');
    expect(story.target).toMatchObject({ version: 1, desiredVersion: 2, sync: { state: 'Failed' } });
  });

  it('are Unknown since the cluster went away, and come back without a sync', () => {
    const story = new Story().declared().rendered(1).released(1, 1).synced(1);
    story.add('HealthChanged', { ...at, health: 'Healthy', reason: 'Healthy', message: '', objects: [] });
    story.add('ClusterUnreachable', { cluster: 'east', reason: 'ConnectionRefused', message: 'refused' });
    const since = story.events.at(-1)?.recordedAt;
    expect(story.target).toMatchObject({ sync: { state: 'Unknown', since }, health: { state: 'Unknown', since } });
    story.add('ClusterConnected', { cluster: 'east', uid: 'u', kubernetesVersion: 'v1.35.4', apisDigest: digest(6) });
    expect(story.target).toMatchObject({ sync: { state: 'Synced', reason: 'Reconnected' } });
  });

  it('show drift until it is healed or gone', () => {
    const story = new Story().declared().rendered(1).released(1, 1).synced(1);
    const drift = [{ key: '/ConfigMap/web/a', kind: 'Changed' as const, fields: ['.data.x'], actors: ['kubectl'] }];
    story.add('DriftDetected', { ...at, objects: drift });
    expect(story.target).toMatchObject({ drift, sync: { state: 'OutOfSync', reason: 'Drift' } });
    story.add('DriftResolved', at);
    expect(story.target).toMatchObject({ drift: [], sync: { state: 'Synced' } });
  });

  it('lose what they want when the environment no longer selects their cluster, and go when removed', () => {
    const story = new Story().declared().rendered(1).released(1, 1).synced(1).released(1, 2, []);
    expect(story.target).toMatchObject({ sync: { state: 'OutOfSync', reason: 'NotSelected' } });
    expect(story.target).not.toHaveProperty('desiredVersion');
    story.add('TargetRemoved', { ...at, mode: 'Delete', changes });
    expect(story.target).toBeUndefined();
  });
});

describe('applications', () => {
  it('stay until their last target is removed, and never use a number twice', () => {
    const story = new Story()
      .declared()
      .rendered(1)
      .released(1, 1)
      .synced(1)
      .add('ApplicationRemoved', { application: APP, mode: 'Delete' });
    expect(story.views.get('application', APP)).toMatchObject({ removal: { mode: 'Delete' } });
    story.add('TargetRemoved', { ...at, mode: 'Delete', changes });
    expect(story.views.get('application', APP)).toBeUndefined();
    story.declared();
    expect(story.views.get('application', APP)).toMatchObject({ latestVersion: 1 });
  });

  it('go at once when nothing was ever put on a cluster', () => {
    const story = new Story().declared().rendered(1).add('ApplicationRemoved', { application: APP, mode: 'Delete' });
    expect(story.views.get('application', APP)).toBeUndefined();
  });

  it('keep the last good version when a later revision cannot be rendered', () => {
    const story = new Story()
      .declared()
      .rendered(1)
      .released(1, 1)
      .add('RenderFailed', {
        application: APP,
        environment: 'staging',
        revision: 'd'.repeat(40),
        reason: 'Invalid',
        message: 'no',
      });
    expect(story.views.get('application', APP)?.environments['staging']).toMatchObject({
      latestVersion: 1,
      released: { version: 1 },
      renderError: { reason: 'Invalid' },
    });
    const failed = story.views.get('application', APP);
    story.add('RevisionObserved', {
      repository: 'other',
      ref: 'main',
      revision: 'e'.repeat(40),
      forced: false,
      commit,
    });
    expect(story.views.get('application', APP)).toBe(failed);
    story.add('RevisionObserved', { repository: 'shop', ref: 'main', revision: 'e'.repeat(40), forced: false, commit });
    expect(story.views.get('application', APP)?.environments['staging']).not.toHaveProperty('renderError');
  });
});

describe('approvals', () => {
  it('are listed while a version waits, and only then', () => {
    const key = versionKey(APP, 1, 'staging');
    const on = { application: APP, environment: 'staging', version: 1 };
    const story = new Story()
      .declared()
      .rendered(1)
      .add('ApprovalRequested', { ...on, renderDigest: digest(1), required: 2, excluded: [] });
    expect(story.views.get('approval', key)).toMatchObject({ required: 2, granted: [] });
    story.add('ApprovalGranted', {
      ...on,
      renderDigest: digest(1),
      approver: 't',
      approverName: 'anna',
      granted: 1,
      required: 2,
    });
    expect(story.views.get('approval', key)?.granted).toHaveLength(1);
    story.released(1, 1);
    expect(story.views.get('approval', key)).toBeUndefined();
    expect(story.views.get('version', key)).toMatchObject({
      decision: { state: 'Released' },
      approvals: { granted: [{ approverName: 'anna' }] },
    });
  });
});

describe('the fold', () => {
  it('is pure: the same events give the same changes, and later events do not touch earlier documents', () => {
    const story = new Story().declared().rendered(1).released(1, 1);
    const before = story.target;
    const copy = JSON.stringify(before);
    story.synced(1);
    expect(JSON.stringify(before)).toBe(copy);
    const again = new ViewStore();
    for (const event of story.events) again.apply(event);
    expect([...again.scan('target', '')]).toEqual([...story.views.scan('target', '')]);
  });

  it('keeps refs of a repository that cannot be reached, and skips events of newer writers', () => {
    const story = new Story()
      .add('RepositoryDeclared', {
        name: 'shop',
        labels: {},
        spec: { url: 'https://git.example.com/shop', interval: '60s' },
      })
      .add('RevisionObserved', { repository: 'shop', ref: 'main', revision: 'c'.repeat(40), forced: false, commit })
      .add('RepositoryUnreachable', { repository: 'shop', reason: 'Timeout', message: 'no answer' });
    expect(story.views.get('repository', 'shop')).toMatchObject({
      connection: { state: 'Unreachable' },
      refs: { main: { revision: 'c'.repeat(40) } },
    });
    const [first] = story.events;
    if (first === undefined) throw new Error('no event');
    expect(evolveViews(story.views, { ...first, type: 'Unknown', data: { originalType: 'Comet', raw: {} } })).toEqual(
      [],
    );
  });

  it('scans by prefix in the order of keys, also while documents come and go', () => {
    const story = new Story();
    for (const name of ['b', 'a', 'c']) story.add('ClusterDeclared', { name, labels: {}, spec: { simulated: {} } });
    expect([...story.views.scan('cluster', '')].map(([key]) => key)).toEqual(['a', 'b', 'c']);
    story
      .add('ClusterRemoved', { name: 'b' })
      .add('ClusterDeclared', { name: 'aa', labels: {}, spec: { simulated: {} } });
    expect([...story.views.scan('cluster', 'a')].map(([key]) => key)).toEqual(['a', 'aa']);
  });
});

describe('subscriptions', () => {
  const spec = {
    url: 'https://hooks.example.com/',
    secretFile: '/etc/secret',
    filter: {},
    maxAttempts: 12,
    timeout: '10s',
  };
  const declared = { name: 'chat', labels: {}, spec };
  const deadLettered = (begunBy: number, key: string): unknown => ({
    subscription: 'chat',
    begunBy,
    position: 3,
    key,
    attempts: 12,
    message: 'HTTP 500',
  });

  it('tell how far their deliveries are, and forget it with a replay, whatever a delivery from before still notes', () => {
    const store = new ViewStore();
    const event = (type: string, position: number, data: unknown): RecordedEvent => ({
      ...decodeEvent(
        JSON.stringify({
          id: `e${position}`,
          type,
          schemaVersion: 1,
          stream: 'subscription-chat',
          revision: position,
          position,
          occurredAt: '2026-01-01T00:00:00Z',
          recordedAt: '2026-01-01T00:00:00Z',
          actor: { kind: 'user', id: 'u', name: 'u' },
          causationId: 'c',
          correlationId: 'c',
          data,
        }),
      ),
    });
    store.apply(event('SubscriptionDeclared', 2, declared));
    store.apply(event('DeliveryParked', 4, deadLettered(2, 'default/web')));
    store.apply(event('DeliveryProgressed', 5, { subscription: 'chat', begunBy: 2, position: 4, delivered: 7 }));
    expect(store.get('subscription', 'chat')).toMatchObject({
      position: 4,
      delivered: 7,
      parked: [{ key: 'default/web', position: 3 }],
    });
    store.apply(event('DeliveryReplayRequested', 6, { subscription: 'chat', after: 1 }));
    store.apply(event('DeliveryProgressed', 7, { subscription: 'chat', begunBy: 2, position: 5, delivered: 1 }));
    store.apply(event('DeliveryParked', 8, deadLettered(2, 'default/api')));
    expect(store.get('subscription', 'chat')).toMatchObject({ position: 1, delivered: 7, parked: [] });
    store.apply(event('DeliveryProgressed', 9, { subscription: 'chat', begunBy: 6, position: 8, delivered: 2 }));
    expect(store.get('subscription', 'chat')).toMatchObject({ position: 8, delivered: 9 });
    store.apply(event('SubscriptionRemoved', 10, { name: 'chat' }));
    expect(store.get('subscription', 'chat')).toBeUndefined();
  });

  it('begin at the position that they name, and again when they name another one', () => {
    const story = new Story();
    const position = (): number | undefined => story.views.get('subscription', 'chat')?.position;
    story.add('SubscriptionDeclared', { ...declared, spec: { ...spec, after: -1 } });
    expect(position()).toBe(-1);
    story
      .add('DeliveryProgressed', { subscription: 'chat', begunBy: 0, position: 0, delivered: 1 })
      .add('DeliveryParked', {
        subscription: 'chat',
        begunBy: 0,
        position: 1,
        key: 'default/web',
        attempts: 12,
        message: 'HTTP 500',
      });
    story.add('SubscriptionDeclared', { ...declared, spec: { ...spec, after: -1, timeout: '5s' } });
    expect(story.views.get('subscription', 'chat')).toMatchObject({
      position: 0,
      parked: [{ key: 'default/web' }],
      spec: { timeout: '5s' },
      begun: 0,
    });
    // What the delivery of before still notes counts: only how it is made was changed.
    story.add('DeliveryProgressed', { subscription: 'chat', begunBy: 0, position: 2, delivered: 0 });
    expect(position()).toBe(2);
    story.add('SubscriptionDeclared', { ...declared, spec: { ...spec, after: 1 } });
    expect(story.views.get('subscription', 'chat')).toMatchObject({ position: 1, parked: [], delivered: 1 });
    expect(story.views.get('subscription', 'chat')?.begun).toBeUndefined();
    story
      .add('DeliveryProgressed', { subscription: 'chat', begunBy: 0, position: 3, delivered: 1 })
      .add('SubscriptionDeclared', declared);
    expect(position()).toBe(1);
  });
});
