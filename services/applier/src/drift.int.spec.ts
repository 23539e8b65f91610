// SPDX-License-Identifier: Apache-2.0
import { type KubeServer, startKube } from '@plumbline/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { make } from './testing/objects.js';
import { scenario } from './testing/scenario.js';

describe('drift on a real API server', () => {
  let kube: KubeServer;
  beforeAll(async () => {
    kube = await startKube({ audit: 'Metadata' });
  });
  afterAll(async () => kube[Symbol.asyncDispose]());

  it('sees drift of an owned field by its watch, says field and actor, and heals it with one write', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, apps } = scene;
    await applier.deployed({
      application,
      namespace,
      objects: [make.deployment('web', { replicas: 2 }), make.configMap('settings')],
    });
    const since = await observer.mark();
    await observer.merge(`${apps}/deployments/web`, {
      spec: { replicas: 7, template: { spec: { terminationGracePeriodSeconds: 5 } } },
    });
    const { data: drift } = await applier.until('DriftDetected');
    expect(drift.objects).toEqual([
      { key: `apps/Deployment/${namespace}/web`, kind: 'Changed', fields: ['spec.replicas'], actors: ['kubectl-edit'] },
    ]);
    const { data: heal } = await applier.until('SyncCompleted', ({ data }) => data.cause === 'SelfHeal');
    expect(heal).toMatchObject({ result: 'Succeeded', changes: { counts: { Configured: 1, Unchanged: 1 } } });
    expect(await observer.get(`${apps}/deployments/web`)).toMatchObject({
      spec: { replicas: 2, template: { spec: { terminationGracePeriodSeconds: 5 } } },
    });
    expect(await observer.writes({ since })).toHaveLength(1);
    const started = (await applier.events('SyncStarted')).find(({ data }) => data.cause === 'SelfHeal');
    expect(started?.causationId).toBe((await applier.events('DriftDetected'))[0]?.id);
  });

  it('only reports drift where healing is off, and says when it went away', async () => {
    await using scene = await scenario(kube, { sync: { selfHeal: false } });
    const { applier, observer, application, namespace, core } = scene;
    await applier.deployed({ application, namespace, objects: [make.configMap('settings')] });
    await observer.merge(`${core}/configmaps/settings`, { data: { color: 'red' } });
    await applier.until('DriftDetected');
    await observer.apply(
      `${core}/configmaps/settings`,
      (({ metadata: { managedFields: _, ...metadata }, ...rest }) => ({
        ...rest,
        metadata: { ...metadata, resourceVersion: undefined, uid: undefined, creationTimestamp: undefined },
        data: { color: 'blue' },
      }))(await observer.get(`${core}/configmaps/settings`)),
      'plumbline',
    );
    await applier.until('DriftResolved');
    expect(await applier.events('SyncStarted')).toHaveLength(1);
  });

  it('restores a deleted object and leaves additions of others alone', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core } = scene;
    await applier.deployed({ application, namespace, objects: [make.configMap('settings')] });
    await observer.merge(`${core}/configmaps/settings`, {
      metadata: { annotations: { note: 'mine' }, labels: { team: 'a' } },
      data: { extra: 'yes' },
    });
    const before = (await observer.get(`${core}/configmaps/settings`)).metadata.resourceVersion;
    await observer.delete(`${core}/configmaps/settings`);
    const { data: drift } = await applier.until('DriftDetected');
    expect(drift.objects).toMatchObject([{ key: `/ConfigMap/${namespace}/settings`, kind: 'Missing' }]);
    await applier.until('SyncCompleted', ({ data }) => data.cause === 'SelfHeal' && data.result === 'Succeeded');
    expect((await observer.get(`${core}/configmaps/settings`)).data).toEqual({ color: 'blue' });
    // The additions alone, before the deletion, were no drift.
    expect(await applier.events('DriftDetected')).toHaveLength(1);
    const again = await observer.merge(`${core}/configmaps/settings`, { metadata: { annotations: { note: 'mine' } } });
    expect(again.metadata.resourceVersion).not.toBe(before);
    const from = await applier.append(`application-${application}`, {
      type: 'SyncRequested',
      data: { application, confirmPrune: false },
    });
    expect((await applier.until('SyncCompleted', () => true, { from })).data.changes.counts).toEqual({ Unchanged: 1 });
    expect((await observer.get(`${core}/configmaps/settings`)).metadata).toMatchObject({
      resourceVersion: again.metadata.resourceVersion,
      annotations: { note: 'mine' },
    });
  });

  it.each([
    ['label', { labels: { tier: null } }, ['metadata.labels.tier'], 'Changed'],
    ['mark', { labels: { 'plumbline.dev/target': null } }, ['metadata.labels["plumbline.dev/target"]'], 'Unmarked'],
    [
      'owner annotation',
      { annotations: { 'plumbline.dev/owner': 'somebody' } },
      ['metadata.annotations["plumbline.dev/owner"]'],
      'Unmarked',
    ],
  ])('takes a removed %s of ours as drift and puts it back', async (_, metadata, fields, kind) => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core } = scene;
    const object = make.configMap('settings');
    await applier.deployed({
      application,
      namespace,
      objects: [{ ...object, metadata: { ...object.metadata, labels: { tier: 'web' } } }],
    });
    const before = await observer.get(`${core}/configmaps/settings`);
    await observer.merge(`${core}/configmaps/settings`, { metadata });
    const { data: drift } = await applier.until('DriftDetected');
    expect(drift.objects).toMatchObject([{ key: `/ConfigMap/${namespace}/settings`, kind, fields }]);
    await applier.until('SyncCompleted', ({ data }) => data.cause === 'SelfHeal' && data.result === 'Succeeded');
    expect((await observer.get(`${core}/configmaps/settings`)).metadata).toMatchObject({
      labels: before.metadata.labels,
      annotations: before.metadata.annotations,
    });
  });

  it('slows down when the same object drifts again and again', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core } = scene;
    await applier.deployed({ application, namespace, objects: [make.configMap('settings')] });
    const heals = async (): Promise<number> =>
      (await applier.events('SyncCompleted')).filter(({ data }) => data.cause === 'SelfHeal').length;
    for (let round = 1; round <= 5; round += 1) {
      await observer.merge(`${core}/configmaps/settings`, { data: { color: `red-${round}` } });
      await applier.eventually(async () => ((await heals()) >= round ? true : undefined), `heal ${round}`);
    }
    const detected = (await applier.events('DriftDetected')).map(({ recordedAt }) => Date.parse(recordedAt));
    const healed = (await applier.events('SyncStarted'))
      .filter(({ data }) => data.cause === 'SelfHeal')
      .map(({ recordedAt }) => Date.parse(recordedAt));
    const gaps = healed.map((atMs, index) => atMs - (detected[index] ?? 0));
    // The first waits 0.3 s, the fifth 2.4 s.
    expect(gaps.at(-1)).toBeGreaterThan(1_000);
  });

  it('restores a definition that somebody deleted, and the custom resources that went with it', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace } = scene;
    await applier.deployed({
      application,
      namespace,
      objects: [
        make.definition('screws', 'Screw', 'gone.example.com'),
        make.custom('Screw', 'gone.example.com', 'one'),
        make.configMap('settings'),
      ],
    });
    const path = `/apis/gone.example.com/v1/namespaces/${namespace}/screws/one`;
    const { uid } = (await observer.get(path)).metadata;
    await observer.delete('/apis/apiextensions.k8s.io/v1/customresourcedefinitions/screws.gone.example.com');
    const restored = await applier.eventually(
      async () => {
        const found = await observer.get(path);
        return found?.metadata?.uid !== undefined && found.metadata.uid !== uid ? found : undefined;
      },
      'the custom resource',
      '40s',
    );
    expect(restored.spec).toEqual({ size: 1 });
  });
});
