// SPDX-License-Identifier: Apache-2.0
import { type KubeServer, startKube } from '@plumbline/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { make } from './testing/objects.js';
import { scenario, type Scenario } from './testing/scenario.js';

async function denyPrefix(
  { observer, applier, core, namespace }: Scenario,
  kube: KubeServer,
  prefix: string,
): Promise<void> {
  const [policy, binding] = make.denyConfigMaps(`${namespace}-deny`, prefix);
  await observer.create('/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies', policy);
  await observer.create('/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings', binding);
  await applier.eventually(
    async () =>
      (await kube.request('POST', `${core}/configmaps?dryRun=All`, { body: make.configMap(prefix) })).status === 422
        ? true
        : undefined,
    'the policy',
  );
}

describe('pruning on a real API server', () => {
  let kube: KubeServer;
  beforeAll(async () => {
    kube = await startKube({ audit: 'Request' });
  });
  afterAll(async () => kube[Symbol.asyncDispose]());

  it('prunes what a failed run has created and the next commit dropped', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core } = scene;
    await observer.namespace(namespace);
    const bad = `${namespace}-bad`;
    await denyPrefix(scene, kube, bad);
    const { data: failed } = await applier.deployed({
      application,
      namespace,
      objects: [make.configMap('first'), make.configMap(bad), make.configMap('stays')],
    });
    expect(failed).toMatchObject({ result: 'Partial', changes: { counts: { Created: 2, Failed: 1 } } });
    const { data } = await applier.deployed({ application, namespace, objects: [make.configMap('stays')] });
    expect(data).toMatchObject({ result: 'Succeeded', changes: { counts: { Pruned: 1, Unchanged: 1 } } });
    expect(await observer.get(`${core}/configmaps/first`)).toBeUndefined();
  });

  it('prunes what left the set, but only after everything else was applied', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core } = scene;
    await applier.deployed({ application, namespace, objects: [make.configMap('stays'), make.configMap('leaves')] });
    const bad = `${namespace}-bad`;
    await denyPrefix(scene, kube, bad);
    const { data: failed } = await applier.deployed({
      application,
      namespace,
      objects: [make.configMap('stays'), make.configMap(bad)],
    });
    expect(failed.changes.inline).toContainEqual(
      expect.objectContaining({ key: `/ConfigMap/${namespace}/leaves`, action: 'Skipped', reason: 'NotFullyApplied' }),
    );
    expect(await observer.get(`${core}/configmaps/leaves`)).toBeDefined();
    const { data } = await applier.deployed({ application, namespace, objects: [make.configMap('stays')] });
    expect(data).toMatchObject({ result: 'Succeeded', changes: { counts: { Pruned: 1 } } });
    expect(await observer.get(`${core}/configmaps/leaves`)).toBeUndefined();
  });

  it('sends a propagation policy and the UID with every delete', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core } = scene;
    await applier.deployed({
      application,
      namespace,
      objects: [make.configMap('stays'), make.job('once'), make.configMap('leaves')],
    });
    const { uid } = (await observer.get(`${core}/configmaps/leaves`)).metadata;
    const since = await observer.mark();
    const { data } = await applier.deployed({ application, namespace, objects: [make.configMap('stays')] });
    expect(data).toMatchObject({ result: 'Succeeded', changes: { counts: { Pruned: 2 } } });
    const deletes = (await observer.writes({ since })).filter(({ verb }) => verb === 'delete');
    expect(deletes).toHaveLength(2);
    for (const { requestObject } of deletes)
      expect(requestObject).toMatchObject({
        propagationPolicy: 'Background',
        preconditions: { uid: expect.any(String) as string },
      });
    expect(deletes.find(({ objectRef }) => objectRef?.name === 'leaves')?.requestObject).toMatchObject({
      preconditions: { uid },
    });
    // Without a policy of ours the server orphans what a Job leaves: a finalizer would hold it.
    expect(await observer.get(`/apis/batch/v1/namespaces/${namespace}/jobs/once`)).toBeUndefined();
  });

  it('does not prune what somebody else has created anew under the same name', async () => {
    await using scene = await scenario(kube, { sync: { selfHeal: false } });
    const { applier, observer, application, namespace, core } = scene;
    await applier.deployed({ application, namespace, objects: [make.configMap('stays'), make.configMap('taken')] });
    await observer.delete(`${core}/configmaps/taken`);
    await observer.create(`${core}/configmaps`, make.configMap('taken', { mine: 'yes' }));
    const { data } = await applier.deployed({ application, namespace, objects: [make.configMap('stays')] });
    expect(data).toMatchObject({ result: 'Succeeded', changes: { counts: { Released: 1, Unchanged: 1 } } });
    expect((await observer.get(`${core}/configmaps/taken`)).data).toEqual({ mine: 'yes' });
  });

  it('keeps an object whose live copy says so, for every convention that users bring along', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core } = scene;
    const keeps: Readonly<Record<string, string>> = {
      'plumbline.dev/prune': 'disabled',
      'kustomize.toolkit.fluxcd.io/prune': 'disabled',
      'argocd.argoproj.io/sync-options': 'Validate=false,Prune=false',
      'helm.sh/resource-policy': 'keep',
    };
    const names = Object.keys(keeps).map((_, index) => `keep-${index}`);
    await applier.deployed({
      application,
      namespace,
      objects: [make.configMap('stays'), ...names.map((name) => make.configMap(name))],
    });
    for (const [index, [annotation, value]] of Object.entries(keeps).entries())
      await observer.merge(`${core}/configmaps/keep-${index}`, { metadata: { annotations: { [annotation]: value } } });
    const { data } = await applier.deployed({ application, namespace, objects: [make.configMap('stays')] });
    expect(data).toMatchObject({ result: 'Succeeded', changes: { counts: { Released: names.length } } });
    for (const name of names) expect(await observer.get(`${core}/configmaps/${name}`)).toBeDefined();
  });

  it('says what holds a deletion, goes on with other work, and finishes when the finalizer is gone', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core } = scene;
    await applier.deployed({
      application,
      namespace,
      objects: [make.configMap('stays'), make.configMap('held'), make.configMap('leaves')],
    });
    await observer.merge(`${core}/configmaps/held`, { metadata: { finalizers: ['example.com/hold'] } });
    const { data } = await applier.deployed({
      application,
      namespace,
      objects: [make.configMap('stays', { color: 'red' })],
    });
    expect(data).toMatchObject({
      result: 'Partial',
      reason: 'PendingDeletion',
      changes: { counts: { PendingDeletion: 1, Pruned: 1, Configured: 1 } },
    });
    expect(data.changes.inline[0]).toMatchObject({
      action: 'PendingDeletion',
      finalizers: ['example.com/hold'],
      message: expect.stringContaining('is being deleted since 20') as string,
    });
    const held = await observer.get(`${core}/configmaps/held`);
    expect(held.metadata.finalizers).toEqual(['example.com/hold']);
    // Another version meanwhile is applied as usual.
    const { data: next } = await applier.deployed({
      application,
      namespace,
      objects: [make.configMap('stays', { color: 'green' })],
    });
    expect(next.changes.counts).toMatchObject({ Configured: 1, PendingDeletion: 1 });
    const from = await applier.log.head();
    await observer.merge(`${core}/configmaps/held`, { metadata: { finalizers: [] } });
    const { data: done } = await applier.until('SyncCompleted', ({ data: { result } }) => result === 'Succeeded', {
      from,
    });
    expect(done).toMatchObject({ cause: 'Retry', objectCount: 1 });
  });

  it('deletes nothing for an empty render until somebody confirms it', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core } = scene;
    await applier.deployed({ application, namespace, objects: [make.configMap('a'), make.configMap('b')] });
    const { data } = await applier.deployed({ application, namespace, objects: [] });
    expect(data).toMatchObject({
      result: 'Partial',
      reason: 'EmptyRender',
      retryable: false,
      objectCount: 2,
      changes: { counts: { Refused: 2 } },
    });
    expect(data.message).toContain('--confirm-prune');
    expect(await observer.get(`${core}/configmaps/a`)).toBeDefined();
    const from = await applier.append(`application-${application}`, {
      type: 'SyncRequested',
      data: { application, confirmPrune: true },
    });
    expect((await applier.until('SyncCompleted', () => true, { from })).data).toMatchObject({
      result: 'Succeeded',
      objectCount: 0,
      changes: { counts: { Pruned: 2 } },
    });
    expect(await observer.get(`${core}/configmaps/a`)).toBeUndefined();
  });

  it('asks when most of many objects would go, or a namespace; and not when sync.allowEmpty says so', async () => {
    await using scene = await scenario(kube, { sync: { allowEmpty: true } });
    const { applier, observer, application, namespace } = scene;
    const many = Array.from({ length: 12 }, (_, index) => make.configMap(`item-${index}`));
    await applier.deployed({ application, namespace, objects: [make.configMap('stays'), ...many] });
    expect((await applier.deployed({ application, namespace, objects: [make.configMap('stays')] })).data).toMatchObject(
      { result: 'Partial', reason: 'PruneNeedsConfirmation', objectCount: 13 },
    );
    expect(
      (await applier.deployed({ application, namespace, objects: [...many, make.namespace(`${namespace}-x`)] })).data,
    ).toMatchObject({ result: 'Succeeded', changes: { counts: { Pruned: 1 } } });
    expect((await applier.deployed({ application, namespace, objects: many })).data).toMatchObject({
      result: 'Partial',
      reason: 'PruneNeedsConfirmation',
    });
    expect(await observer.get(`/api/v1/namespaces/${namespace}-x`)).toMatchObject({ status: { phase: 'Active' } });
    expect((await applier.deployed({ application, namespace, objects: [] })).data).toMatchObject({
      changes: { counts: { Pruned: 12, PendingDeletion: 1 } },
    });
  });

  it('leaves the cluster as it is while the source is missing or does not render', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core } = scene;
    await applier.deployed({ application, namespace, objects: [make.configMap('settings')] });
    const { resourceVersion } = (await observer.get(`${core}/configmaps/settings`)).metadata;
    const since = await observer.mark();
    await applier.append('repository-shop', {
      type: 'RefMissing',
      data: { repository: 'shop', ref: 'main', message: 'the branch is gone' },
    });
    await applier.append('repository-shop', {
      type: 'RepositoryUnreachable',
      data: { repository: 'shop', reason: 'Timeout', message: 'no answer' },
    });
    await applier.append(`application-${application}`, {
      type: 'RenderFailed',
      data: {
        application,
        environment: 'production',
        revision: 'b'.repeat(40),
        reason: 'PathMissing',
        message: 'deploy/web does not exist',
      },
    });
    const from = await applier.append(`application-${application}`, {
      type: 'SyncRequested',
      data: { application, confirmPrune: true },
    });
    expect((await applier.until('SyncCompleted', () => true, { from })).data).toMatchObject({
      result: 'Succeeded',
      changes: { counts: { Unchanged: 1 } },
    });
    expect(await observer.writes({ since })).toEqual([]);
    expect((await observer.get(`${core}/configmaps/settings`)).metadata.resourceVersion).toBe(resourceVersion);
  });

  it('removes an application with its objects, or lets go of them and takes its marks off', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core } = scene;
    await applier.deployed({ application, namespace, objects: [make.configMap('settings'), make.configMap('more')] });
    await applier.append(`application-${application}`, {
      type: 'ApplicationRemoved',
      data: { application, mode: 'Delete' },
    });
    expect((await applier.until('TargetRemoved')).data).toMatchObject({
      mode: 'Delete',
      changes: { counts: { Pruned: 2 } },
    });
    expect(await observer.get(`${core}/configmaps/settings`)).toBeUndefined();

    const other = await applier.declareApplication(`${namespace}-orphan`, { namespace });
    await applier.deployed({ application: other, namespace, objects: [make.configMap('settings')] });
    await applier.append(`application-${other}`, {
      type: 'ApplicationRemoved',
      data: { application: other, mode: 'Orphan' },
    });
    expect((await applier.until('TargetRemoved', ({ data }) => data.application === other)).data).toMatchObject({
      mode: 'Orphan',
      changes: { counts: { Released: 1 } },
    });
    const { metadata } = await observer.get(`${core}/configmaps/settings`);
    expect(metadata.labels?.['plumbline.dev/target']).toBeUndefined();
    expect(metadata.annotations?.['plumbline.dev/owner']).toBeUndefined();
    expect(
      (metadata.managedFields ?? []).filter(
        (entry: { manager: string; operation: string }) => entry.manager === 'plumbline' && entry.operation === 'Apply',
      ),
    ).toEqual([]);
  });

  it('neither applies nor heals nor deletes for a suspended application', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core } = scene;
    await applier.deployed({ application, namespace, objects: [make.configMap('settings')] });
    await applier.append(`application-${application}`, { type: 'ApplicationSuspended', data: { application } });
    await observer.merge(`${core}/configmaps/settings`, { data: { color: 'red' } });
    await applier.until('DriftDetected');
    await applier.deploy({ application, namespace, objects: [make.configMap('settings', { color: 'green' })] });
    await applier.append(`application-${application}`, {
      type: 'SyncRequested',
      data: { application, confirmPrune: false },
    });
    expect((await applier.until('SyncRefused')).data.reason).toBe('Suspended');
    await applier.append(`application-${application}`, {
      type: 'ApplicationRemoved',
      data: { application, mode: 'Delete' },
    });
    await applier.until('TargetRemoved');
    expect((await observer.get(`${core}/configmaps/settings`)).data).toEqual({ color: 'red' });
    expect(await applier.events('SyncStarted')).toHaveLength(1);
  });
});
