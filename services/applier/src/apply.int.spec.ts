// SPDX-License-Identifier: Apache-2.0
import { type KubeServer, startKube } from '@plumbline/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { make } from './testing/objects.js';
import { scenario } from './testing/scenario.js';

describe('applying on a real API server', () => {
  let kube: KubeServer;
  beforeAll(async () => {
    kube = await startKube({ audit: 'Metadata' });
  });
  afterAll(async () => kube[Symbol.asyncDispose]());

  it('writes by server-side apply under one manager with strict validation', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core } = scene;
    const since = await observer.mark();
    await applier.deployed({ application, namespace, objects: [make.configMap('settings')] });
    const { metadata } = await observer.get(`${core}/configmaps/settings`);
    expect(metadata.managedFields).toMatchObject([{ manager: 'plumbline', operation: 'Apply' }]);
    const applies = (await observer.writes({ since })).filter(({ verb }) => verb === 'patch');
    expect(applies.map(({ requestURI }) => requestURI)).toEqual([
      `${core}/configmaps/settings?fieldManager=plumbline&fieldValidation=Strict`,
    ]);
  });

  it('says which owners of fields it took over when it adopts an object', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core } = scene;
    await observer.namespace(namespace);
    await observer.create(
      `${core}/configmaps?fieldManager=somebody`,
      make.configMap('settings', { color: 'green', kept: 'yes' }),
    );
    const { data } = await applier.deployed({
      application,
      namespace,
      objects: [make.configMap('settings', { color: 'blue' })],
    });
    expect(data.changes.inline).toMatchObject([{ action: 'Adopted', takenOver: ['somebody: .data.color'] }]);
    expect((await observer.get(`${core}/configmaps/settings`)).data).toEqual({ color: 'blue', kept: 'yes' });
  });

  it('writes nothing when nothing changed: three syncs, equal resourceVersions, no request', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core, apps } = scene;
    await applier.deployed({
      application,
      namespace,
      objects: [make.configMap('settings'), make.deployment('web'), make.service('web')],
    });
    const paths = [`${core}/configmaps/settings`, `${apps}/deployments/web`, `${core}/services/web`];
    const versions = async (): Promise<string[]> =>
      Promise.all(paths.map(async (path) => (await observer.get(path)).metadata.resourceVersion as string));
    const before = await versions();
    const since = await observer.mark();
    for (let run = 0; run < 3; run += 1) {
      const from = await applier.log.head();
      await applier.append(`application-${application}`, {
        type: 'SyncRequested',
        data: { application, confirmPrune: false },
      });
      const { data } = await applier.until('SyncCompleted', () => true, { from });
      expect(data).toMatchObject({ result: 'Succeeded', cause: 'Request', changes: { counts: { Unchanged: 3 } } });
    }
    expect(await versions()).toEqual(before);
    expect(await observer.writes({ since, dryRuns: true })).toEqual([]);
  });

  it('writes only what changed: one of twenty', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace } = scene;
    const objects = Array.from({ length: 20 }, (_, index) => make.configMap(`item-${index}`));
    await applier.deployed({ application, namespace, objects });
    const since = await observer.mark();
    const { data } = await applier.deployed({
      application,
      namespace,
      objects: [...objects.slice(0, 19), make.configMap('item-19', { color: 'red' })],
    });
    expect(data.changes.counts).toEqual({ Configured: 1, Unchanged: 19 });
    expect(data.changes.inline[0]).toMatchObject({ key: `/ConfigMap/${namespace}/item-19`, fields: ['data.color'] });
    expect((await observer.writes({ since })).map(({ objectRef }) => objectRef?.name)).toEqual(['item-19']);
  });

  it('fails an immutable change with the field and leaves the object as it is', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, apps } = scene;
    await applier.deployed({ application, namespace, objects: [make.deployment('web')] });
    const { uid } = (await observer.get(`${apps}/deployments/web`)).metadata;
    const { data } = await applier.deployed({
      application,
      namespace,
      objects: [make.deployment('web', { app: 'other' })],
    });
    expect(data).toMatchObject({ result: 'Failed', reason: 'ImmutableField', retryable: false });
    expect(data.changes.inline[0]?.message).toContain('spec.selector');
    expect((await observer.get(`${apps}/deployments/web`)).metadata.uid).toBe(uid);
    const { data: again } = await applier.deployed({
      application,
      namespace,
      objects: [make.deployment('web', { replicas: 2 })],
    });
    expect(again).toMatchObject({ result: 'Succeeded', changes: { counts: { Configured: 1 } } });
  });

  it('goes on past one bad object and skips only what needs it, with the reason', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core, apps } = scene;
    for (const policy of make.denyConfigMaps(`${namespace}-deny`, `${namespace}-bad`)) {
      await observer.create(
        `/apis/admissionregistration.k8s.io/v1/${policy.kind === 'ValidatingAdmissionPolicy' ? 'validatingadmissionpolicies' : 'validatingadmissionpolicybindings'}`,
        policy,
      );
    }
    await observer.namespace(namespace);
    const bad = `${namespace}-bad`;
    // The policy works a moment after it was created.
    await applier.eventually(
      async () =>
        (await kube.request('POST', `${core}/configmaps?dryRun=All`, { body: make.configMap(bad) })).status === 422
          ? true
          : undefined,
      'the policy',
    );
    const { data } = await applier.deployed({
      application,
      namespace,
      objects: [
        make.configMap('a'),
        make.configMap('b'),
        make.configMap(bad),
        make.service('web'),
        make.deployment('web', { configMap: bad }),
      ],
    });
    expect(data).toMatchObject({
      result: 'Partial',
      retryable: false,
      changes: { counts: { Created: 3, Failed: 1, Skipped: 1 } },
    });
    expect(data.changes.inline.find(({ action }) => action === 'Failed')).toMatchObject({
      key: `/ConfigMap/${namespace}/${bad}`,
      reason: 'AdmissionDenied',
      source: 'deploy/all.yaml#2',
      message: expect.stringContaining(`${namespace}-deny`) as string,
    });
    expect(data.changes.inline.find(({ action }) => action === 'Skipped')).toMatchObject({
      key: `apps/Deployment/${namespace}/web`,
      reason: 'DependencyFailed',
      message: expect.stringContaining(bad) as string,
    });
    expect(await observer.get(`${apps}/deployments/web`)).toBeUndefined();
    expect(await observer.get(`${core}/services/web`)).toBeDefined();
  });

  it('refuses an unknown field and names its path', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, apps } = scene;
    const web = make.deployment('web');
    const { data } = await applier.deployed({
      application,
      namespace,
      objects: [{ ...web, spec: { ...(web['spec'] as object), replica: 1 } }],
    });
    expect(data).toMatchObject({ result: 'Failed', retryable: false });
    expect(data.changes.inline[0]).toMatchObject({
      action: 'Failed',
      reason: 'InvalidObject',
      message: expect.stringContaining('.spec.replica') as string,
    });
    expect(await observer.get(`${apps}/deployments/web`)).toBeUndefined();
  });

  it('tells a wrong version, a wrong group and an absent kind apart, and applies the rest', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core } = scene;
    const odd = (apiVersion: string, kind: string) => ({ apiVersion, kind, metadata: { name: 'odd' } });
    const { data } = await applier.deployed({
      application,
      namespace,
      objects: [
        odd('apps/v9', 'Deployment'),
        odd('nowhere.example.com/v1', 'Thing'),
        odd('apps/v1', 'Deploymint'),
        make.configMap('fine'),
      ],
    });
    const failed = data.changes.inline.filter(({ action }) => action === 'Failed');
    expect(failed.map(({ reason }) => reason).sort()).toEqual(['UnknownGroup', 'UnknownKind', 'UnknownVersion']);
    expect(failed.find(({ reason }) => reason === 'UnknownVersion')?.message).toContain('v1');
    expect(failed.every(({ source }) => source?.startsWith('deploy/all.yaml#') === true)).toBe(true);
    expect(data.result).toBe('Partial');
    expect(await observer.get(`${core}/configmaps/fine`)).toBeDefined();
  });

  it('applies what failed for want of a kind as soon as the kind is served', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace } = scene;
    const { data } = await applier.deployed({
      application,
      namespace,
      objects: [make.custom('Late', 'a7.example.com', 'one')],
    });
    expect(data).toMatchObject({ result: 'Failed', reason: 'UnknownGroup', retryable: false });
    await observer.create(
      '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
      make.definition('lates', 'Late', 'a7.example.com'),
    );
    await applier.until('SyncCompleted', (event) => event.data.cause === 'Retry' && event.data.result === 'Succeeded', {
      timeout: '25s',
    });
    expect(await observer.get(`/apis/a7.example.com/v1/namespaces/${namespace}/lates/one`)).toBeDefined();
  });

  it("takes over from kubectl apply: a field that leaves Git goes, last-applied too, other people's stay, also when they write at the same time", async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core } = scene;
    await observer.namespace(namespace);
    const path = `${core}/configmaps/settings`;
    const old = make.configMap('settings', { color: 'green', gone: 'soon' });
    const lastApplied = { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(old) } };
    await observer.create(`${core}/configmaps?fieldManager=kubectl-client-side-apply`, {
      ...old,
      metadata: { ...old.metadata, ...lastApplied },
    });
    await observer.merge(path, { data: { edited: 'by hand' } }, 'kubectl-edit');
    const busy = new AbortController();
    const others = (async () => {
      for (let count = 0; !busy.signal.aborted; count += 1)
        await observer.merge(path, { metadata: { labels: { count: String(count) } } }, 'other');
    })();
    const { data } = await applier.deployed({
      application,
      namespace,
      objects: [make.configMap('settings', { color: 'blue', gone: 'soon' })],
    });
    expect(data).toMatchObject({ result: 'Succeeded', changes: { counts: { Adopted: 1 } } });
    expect(data.changes.inline[0]?.takenOver).toContain('kubectl-client-side-apply: all of its fields');
    await applier.deployed({ application, namespace, objects: [make.configMap('settings')] });
    busy.abort();
    await others;
    const live = await observer.get(path);
    expect(live.data).toEqual({ color: 'blue', edited: 'by hand' });
    expect(live.metadata.annotations).not.toHaveProperty(['kubectl.kubernetes.io/last-applied-configuration']);
    expect(live.metadata.labels).toHaveProperty('count');
    expect(live.metadata.managedFields.map(({ manager }: { manager: string }) => manager).sort()).toEqual([
      'kubectl-edit',
      'other',
      'plumbline',
    ]);
  });
});
