// SPDX-License-Identifier: Apache-2.0
import type { ManifestObject } from '@plumbline/manifest';
import { type KubeServer, startKube, startSimulatedClusters } from '@plumbline/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApplierFixture } from './testing/applier-fixture.js';
import { make } from './testing/objects.js';
import { scenario } from './testing/scenario.js';

const OURS = { 'plumbline.dev/validation': 'disabled' };
const ARGO = { 'argocd.argoproj.io/sync-options': 'Prune=false,Validate=false' };

/** A Deployment with mistakes at several depths, two of them in one map. */
function odd(annotations: Readonly<Record<string, string>> = OURS, replicas = 1, name = 'web'): ManifestObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, annotations, lables: { app: 'web' } },
    spec: {
      replicas,
      replica: 2,
      replicass: 3,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: {
          containers: [
            { name: 'app', image: 'nginx:1', imagePolicy: 'x', ports: [{ containerPort: 80, nmae: 'http' }] },
          ],
        },
      },
    },
  };
}

const ODD_FIELDS = [
  '.metadata.lables',
  '.spec.replica',
  '.spec.replicass',
  '.spec.template.spec.containers[name="app"].imagePolicy',
  '.spec.template.spec.containers[name="app"].ports[containerPort=80,protocol="TCP"].nmae',
];

function leftOut(message: string | undefined): readonly string[] {
  const [, fields = ''] =
    /^left out, because the API server does not know (?:it|them) and validation is disabled for this object: (.*)$/.exec(
      message ?? '',
    ) ?? [];
  return fields.split(/, (?=\.)/).sort();
}

describe('unknown fields on a real API server', () => {
  let kube: KubeServer;
  beforeAll(async () => {
    kube = await startKube({ audit: 'Metadata' });
  });
  afterAll(async () => kube[Symbol.asyncDispose]());

  it('are left out of an object that has opted out, and told: it becomes what a write without validation makes of it', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, apps } = scene;
    const { data } = await applier.deployed({ application, namespace, objects: [odd()] });
    expect(data).toMatchObject({ result: 'Succeeded', changes: { counts: { Created: 1 } } });
    expect(leftOut(data.changes.inline[0]?.message)).toEqual(ODD_FIELDS);
    // As `kubectl apply --validate=false` does.
    const twin = await observer.create(`${apps}/deployments?fieldValidation=Ignore`, odd(OURS, 1, 'twin'));
    const live = await observer.get(`${apps}/deployments/web`);
    expect(live.spec).toEqual(twin.spec);
    expect(live.metadata.annotations).toMatchObject(twin.metadata.annotations);
    expect(live.metadata.lables).toBeUndefined();
  });

  it('stay left out: the next syncs and plans change nothing, and drift is that of the other fields', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, apps } = scene;
    await applier.deployed({ application, namespace, objects: [odd(ARGO), make.configMap('settings')] });
    const { metadata } = await observer.get(`${apps}/deployments/web`);
    const position = await applier.append(`application-${application}`, {
      type: 'SyncRequested',
      data: { application, confirmPrune: false },
    });
    const again = await applier.until('SyncCompleted', () => true, { from: position });
    expect(again.data).toMatchObject({ result: 'Succeeded', changes: { counts: { Unchanged: 2 } } });
    expect(leftOut(again.data.changes.inline.find(({ key }) => key.startsWith('apps/'))?.message)).toEqual(ODD_FIELDS);
    const asked = await applier.append(`application-${application}`, {
      type: 'PlanRequested',
      data: { application, version: 1 },
    });
    const plan = await applier.until('PlanComputed', () => true, { from: asked });
    expect(plan.data).toMatchObject({ partial: false, changes: { counts: { Unchanged: 2 } } });
    expect((await observer.get(`${apps}/deployments/web`)).metadata.resourceVersion).toBe(metadata.resourceVersion);
    expect(await applier.events('DriftDetected')).toEqual([]);
    await observer.merge(`${apps}/deployments/web`, { spec: { replicas: 7 } });
    expect((await applier.until('DriftDetected')).data.objects).toEqual([
      { key: `apps/Deployment/${namespace}/web`, kind: 'Changed', fields: ['spec.replicas'], actors: ['kubectl-edit'] },
    ]);
    const healed = await applier.until('SyncCompleted', (event) => event.data.cause === 'SelfHeal');
    expect(healed.data).toMatchObject({ result: 'Succeeded', changes: { counts: { Configured: 1, Unchanged: 1 } } });
    expect((await observer.get(`${apps}/deployments/web`)).spec.replicas).toBe(1);
  });

  it('are told in the plan of a change, which is what the sync then does', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace } = scene;
    await applier.deployed({ application, namespace, objects: [odd()] });
    const since = await observer.mark();
    const rendered = await applier.render({ application, namespace, objects: [odd(OURS, 2)] });
    const position = await applier.append(`application-${application}`, {
      type: 'PlanRequested',
      data: { application, version: rendered.version },
    });
    const { data: plan } = await applier.until('PlanComputed', () => true, { from: position });
    expect(plan.changes.inline).toMatchObject([{ action: 'Configured', fields: ['spec.replicas'] }]);
    expect(leftOut(plan.changes.inline[0]?.message)).toEqual(ODD_FIELDS);
    expect(await observer.writes({ since })).toEqual([]);
    await applier.release(rendered);
    const { data: sync } = await applier.until('SyncCompleted', () => true, { from: position });
    expect(sync.changes.inline).toMatchObject([
      { action: 'Configured', fields: ['spec.replicas'], message: plan.changes.inline[0]?.message },
    ]);
  });

  it('are still refused in objects that have not opted out, and wrong values in those that have', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, apps } = scene;
    const wrong = odd();
    const { data } = await applier.deployed({
      application,
      namespace,
      objects: [
        odd({ 'plumbline.dev/validation': 'enabled' }),
        {
          ...wrong,
          metadata: { ...wrong.metadata, name: 'wrong' },
          spec: { ...(wrong['spec'] as object), replicas: 'many' },
        },
      ],
    });
    expect(data).toMatchObject({ result: 'Failed', retryable: false, changes: { counts: { Failed: 2 } } });
    expect(data.changes.inline.map(({ key, reason }) => `${key} ${reason}`)).toEqual([
      `apps/Deployment/${namespace}/web InvalidObject`,
      `apps/Deployment/${namespace}/wrong InvalidObject`,
    ]);
    expect(data.changes.inline[1]?.message).toContain('.spec.replicas');
    expect(await observer.get(`${apps}/deployments/web`)).toBeUndefined();
  });

  it('of a custom resource are left out, free-form ones kept, and the rest comes with the first sync after its definition has it', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace } = scene;
    const group = `${namespace}.a27.example.com`;
    const definition = (fields: object): ManifestObject => {
      const spec = {
        type: 'object',
        properties: {
          size: { type: 'integer' },
          free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
          inner: { type: 'object', 'x-kubernetes-embedded-resource': true, properties: { note: { type: 'string' } } },
          ...fields,
        },
      };
      const bare = make.definition('plums', 'Plum', group);
      return {
        ...bare,
        spec: {
          ...(bare['spec'] as object),
          versions: [
            {
              name: 'v1',
              served: true,
              storage: true,
              schema: { openAPIV3Schema: { type: 'object', properties: { spec } } },
            },
          ],
        },
      };
    };
    const plum = {
      apiVersion: `${group}/v1`,
      kind: 'Plum',
      metadata: { name: 'one', annotations: OURS },
      spec: {
        size: 1,
        color: 'blue',
        free: { any: 1 },
        inner: { apiVersion: 'v1', kind: 'X', metadata: { name: 'x', zip: 1 } },
      },
    };
    const path = `/apis/${group}/v1/namespaces/${namespace}/plums/one`;
    const { data } = await applier.deployed({ application, namespace, objects: [definition({}), plum] });
    expect(data).toMatchObject({ result: 'Succeeded', changes: { counts: { Created: 2 } } });
    expect(leftOut(data.changes.inline.find(({ key }) => key.includes('/Plum/'))?.message)).toEqual([
      '.spec.color',
      '.spec.inner.metadata.zip',
    ]);
    expect((await observer.get(path)).spec).toEqual({
      size: 1,
      free: { any: 1 },
      inner: { apiVersion: 'v1', kind: 'X', metadata: { name: 'x' } },
    });
    // The API server takes a moment to serve the new schema.
    await applier.deployed({ application, namespace, objects: [definition({ color: { type: 'string' } }), plum] });
    await applier.eventually(async () => {
      const position = await applier.append(`application-${application}`, {
        type: 'SyncRequested',
        data: { application, confirmPrune: false },
      });
      await applier.until('SyncCompleted', () => true, { from: position });
      return (await observer.get(path)).spec.color === 'blue' ? true : undefined;
    }, 'the colour');
  });

  it('do not keep kubectl apply from being taken over from', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, apps } = scene;
    await observer.namespace(namespace);
    await observer.create(
      `${apps}/deployments?fieldManager=kubectl-client-side-apply&fieldValidation=Ignore`,
      odd(OURS, 3),
    );
    const { data } = await applier.deployed({ application, namespace, objects: [odd()] });
    expect(data).toMatchObject({ result: 'Succeeded', changes: { counts: { Adopted: 1 } } });
    expect(data.changes.inline[0]?.takenOver).toContain('kubectl-client-side-apply: all of its fields');
    expect((await observer.get(`${apps}/deployments/web`)).spec.replicas).toBe(1);
  });

  it('of a Secret are named without any value', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core } = scene;
    const secret = make.secret('token', { password: 'canary-a27' });
    const { data } = await applier.deployed({
      application,
      namespace,
      objects: [{ ...secret, metadata: { name: 'token', annotations: OURS, lables: { x: 'canary-label' } } }],
    });
    expect(data.changes.inline).toMatchObject([
      { action: 'Created', message: expect.stringMatching(/: \.metadata\.lables$/) as string },
    ]);
    expect((await observer.get(`${core}/secrets/token`)).data.password).toBe(
      Buffer.from('canary-a27').toString('base64'),
    );
    expect(JSON.stringify((await applier.log.read({ from: 0, limit: 1_000 })).events)).not.toMatch(/canary/);
  });
});

describe('unknown fields on a simulated cluster', () => {
  it('are left out of an object that has opted out, and listed in the outcome', async () => {
    await using applier = await ApplierFixture.start();
    await using simulated = await startSimulatedClusters({ names: ['kube'] });
    await applier.declareCluster('kube', { kubeconfig: { path: simulated.cluster('kube').kubeconfigPath } });
    const application = await applier.declareApplication('shop');
    const { data } = await applier.deployed({ application, namespace: 'shop', objects: [odd()] });
    expect(data).toMatchObject({ result: 'Succeeded', changes: { counts: { Created: 1 } } });
    expect(leftOut(data.changes.inline[0]?.message)).toEqual(ODD_FIELDS);
    // The status is final: the second sync finds the object as the first one left it.
    await applier.until('HealthChanged', (event) => event.data.health === 'Healthy');
    const position = await applier.append(`application-${application}`, {
      type: 'SyncRequested',
      data: { application, confirmPrune: false },
    });
    expect((await applier.until('SyncCompleted', () => true, { from: position })).data.changes.counts).toEqual({
      Unchanged: 1,
    });
    expect(await applier.events('DriftDetected')).toEqual([]);
  });
});
