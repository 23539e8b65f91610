// SPDX-License-Identifier: Apache-2.0
import { type KubeServer, startKube } from '@plumbline/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { make } from './testing/objects.js';
import { scenario } from './testing/scenario.js';

describe('safety on a real API server', () => {
  let kube: KubeServer;
  beforeAll(async () => {
    kube = await startKube({ audit: 'Metadata' });
  });
  afterAll(async () => kube[Symbol.asyncDispose]());

  it('writes nothing of an atomic set with one bad object', async () => {
    await using scene = await scenario(kube, { sync: { atomic: true } });
    const { applier, observer, application, namespace, core } = scene;
    await observer.namespace(namespace);
    const since = await observer.mark();
    const { data } = await applier.deployed({
      application,
      namespace,
      objects: [make.configMap('good'), { ...make.configMap('bad'), data: { 'no good': 'x' } }, make.deployment('web')],
    });
    expect(data).toMatchObject({
      result: 'Failed',
      reason: 'ValidationFailed',
      retryable: false,
      objectCount: 0,
      changes: { counts: { Failed: 1, Skipped: 2 } },
    });
    expect(await observer.writes({ since })).toEqual([]);
    expect(
      (await applier.deployed({ application, namespace, objects: [make.configMap('good'), make.deployment('web')] }))
        .data.result,
    ).toBe('Succeeded');
    expect(await observer.get(`${core}/configmaps/good`)).toBeDefined();
  });

  it('keeps an object whose deletion is denied, and tries again until it works', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core } = scene;
    await applier.deployed({ application, namespace, objects: [make.configMap('stays'), make.configMap('leaves')] });
    const policies = '/apis/admissionregistration.k8s.io/v1';
    await observer.create(`${policies}/validatingadmissionpolicies`, {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name: `${namespace}-keep` },
      spec: {
        matchConstraints: {
          resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['DELETE'], resources: ['configmaps'] }],
        },
        validations: [{ expression: `oldObject.metadata.namespace != "${namespace}"` }],
      },
    });
    await observer.create(`${policies}/validatingadmissionpolicybindings`, {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name: `${namespace}-keep` },
      spec: { policyName: `${namespace}-keep`, validationActions: ['Deny'] },
    });
    await applier.eventually(
      async () =>
        (await kube.request('DELETE', `${core}/configmaps/leaves?dryRun=All`)).status === 422 ? true : undefined,
      'the policy',
    );
    const { data } = await applier.deployed({ application, namespace, objects: [make.configMap('stays')] });
    expect(data).toMatchObject({ result: 'Partial', reason: 'AdmissionDenied', retryable: true, objectCount: 2 });
    await observer.delete(`${policies}/validatingadmissionpolicybindings/${namespace}-keep`);
    await applier.until('SyncCompleted', (event) => event.data.cause === 'Retry' && event.data.result === 'Succeeded');
    expect(await observer.get(`${core}/configmaps/leaves`)).toBeUndefined();
  });

  it('never deletes a namespace of the system', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace } = scene;
    await applier.deployed({ application, namespace, objects: [make.configMap('stays'), make.namespace('default')] });
    await applier.deployed({ application, namespace, objects: [make.configMap('stays')] });
    const from = await applier.append(`application-${application}`, {
      type: 'SyncRequested',
      data: { application, confirmPrune: true },
    });
    expect((await applier.until('SyncCompleted', () => true, { from })).data).toMatchObject({
      result: 'Succeeded',
      changes: { counts: { Released: 1, Unchanged: 1 } },
    });
    expect(await observer.get('/api/v1/namespaces/default')).toMatchObject({ status: { phase: 'Active' } });
  });

  it('does not delete a namespace with objects of others when its application is removed, and names them', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core } = scene;
    await applier.deployed({ application, namespace, objects: [make.namespace(namespace), make.configMap('ours')] });
    await observer.create(`${core}/configmaps`, make.configMap('theirs'));
    const { data: refused } = await applier.deployed({ application, namespace: 'default', objects: [] });
    expect(refused).toMatchObject({
      reason: 'EmptyRender',
      message: expect.stringContaining('ConfigMap theirs') as string,
    });
    await applier.append(`application-${application}`, {
      type: 'ApplicationRemoved',
      data: { application, mode: 'Delete' },
    });
    const { data } = await applier.until('TargetRemoved');
    expect(data.changes.counts).toEqual({ Pruned: 1, Released: 1 });
    expect(data.changes.inline.find(({ action }) => action === 'Released')).toMatchObject({
      reason: 'HoldsForeignObjects',
      message: expect.stringContaining('ConfigMap theirs') as string,
    });
    expect(await observer.get(`/api/v1/namespaces/${namespace}`)).toMatchObject({ status: { phase: 'Active' } });
    expect(await observer.get(`${core}/configmaps/ours`)).toBeUndefined();
  });

  it('does not delete a definition with custom resources of others when its application is removed', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace } = scene;
    await applier.deployed({
      application,
      namespace,
      objects: [make.definition('bolts', 'Bolt', 'a57.example.com'), make.custom('Bolt', 'a57.example.com', 'ours')],
    });
    await observer.create(
      `/apis/a57.example.com/v1/namespaces/${namespace}/bolts`,
      make.custom('Bolt', 'a57.example.com', 'theirs'),
    );
    await applier.append(`application-${application}`, {
      type: 'ApplicationRemoved',
      data: { application, mode: 'Delete' },
    });
    const { data } = await applier.until('TargetRemoved');
    expect(data.changes.inline.find(({ action }) => action === 'Released')).toMatchObject({
      reason: 'HoldsForeignObjects',
      message: expect.stringContaining(`Bolt ${namespace}/theirs`) as string,
    });
    expect(await observer.get(`/apis/a57.example.com/v1/namespaces/${namespace}/bolts/theirs`)).toBeDefined();
    expect(await observer.get(`/apis/a57.example.com/v1/namespaces/${namespace}/bolts/ours`)).toBeUndefined();
  });

  it('removes a target whose cluster is no longer selected, and syncs it again when it is', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core } = scene;
    const { rendered } = await applier.deploy({ application, namespace, objects: [make.configMap('settings')] });
    await applier.until('SyncCompleted');
    await applier.release(rendered, { clusters: ['elsewhere'] });
    expect((await applier.until('TargetRemoved')).data).toMatchObject({ mode: 'Delete', cluster: 'kube' });
    expect(await observer.get(`${core}/configmaps/settings`)).toBeUndefined();
    const from = await applier.log.head();
    await applier.release(rendered);
    expect((await applier.until('SyncCompleted', () => true, { from })).data).toMatchObject({
      result: 'Succeeded',
      changes: { counts: { Created: 1 } },
    });
  });

  it('takes a set of hundreds of objects, and lets one that is too large fail alone and by name', async () => {
    await using scene = await scenario(kube);
    const { applier, application, namespace } = scene;
    const many = Array.from({ length: 400 }, (_, index) => make.configMap(`item-${index}`));
    const { data } = await applier.deployed({
      application,
      namespace,
      objects: [...many, make.configMap('huge', { blob: 'x'.repeat(2 * 1024 * 1024) })],
    });
    expect(data).toMatchObject({
      result: 'Partial',
      objectCount: 400,
      changes: { counts: { Created: 400, Failed: 1 }, truncated: true },
    });
    const [failed] = data.changes.inline;
    expect(failed).toMatchObject({ key: `/ConfigMap/${namespace}/huge`, action: 'Failed' });
    expect(failed?.message?.length).toBeLessThan(1_000);
    expect(failed?.message).not.toContain('xxxx');
  });
});
