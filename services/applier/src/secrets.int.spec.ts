// SPDX-License-Identifier: Apache-2.0
import { type KubeServer, startKube } from '@plumbline/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { make } from './testing/objects.js';
import { scenario } from './testing/scenario.js';

const canary = (name: string): string => `canary-${name}-7f3a`;

/** The value in every form that it could leak in. */
function forms(value: string): readonly string[] {
  return [value, Buffer.from(value).toString('base64'), Buffer.from(value).toString('hex'), encodeURIComponent(value)];
}

describe('secrets on a real API server', () => {
  let kube: KubeServer;
  beforeAll(async () => {
    kube = await startKube();
  });
  afterAll(async () => kube[Symbol.asyncDispose]());

  it('shows that a secret changed and which key, never a value or its length, in plan, outcome, drift, log and store', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core } = scene;
    await applier.deployed({
      application,
      namespace,
      objects: [make.secret('db', { password: canary('one'), user: canary('user') })],
    });
    expect(Buffer.from((await observer.get(`${core}/secrets/db`)).data.password, 'base64').toString()).toBe(
      canary('one'),
    );
    const longer = canary('two').repeat(20);
    const rendered = await applier.render({
      application,
      namespace,
      objects: [make.secret('db', { password: longer, user: canary('user') })],
    });
    const planAt = await applier.append(`application-${application}`, {
      type: 'PlanRequested',
      data: { application, version: rendered.version },
    });
    const { data: plan } = await applier.until('PlanComputed', () => true, { from: planAt });
    expect(plan.changes.inline).toMatchObject([
      { key: `/Secret/${namespace}/db`, action: 'Configured', fields: ['data.password'] },
    ]);
    const from = await applier.log.head();
    await applier.release(rendered);
    const { data: sync } = await applier.until('SyncCompleted', () => true, { from });
    expect(sync.changes.inline).toMatchObject([{ action: 'Configured', fields: ['data.password'] }]);
    await observer.merge(`${core}/secrets/db`, { data: { password: Buffer.from(canary('drift')).toString('base64') } });
    const { data: drift } = await applier.until('DriftDetected');
    expect(drift.objects).toMatchObject([{ kind: 'Changed', fields: ['data.password'] }]);
    await applier.until('SyncCompleted', ({ data }) => data.cause === 'SelfHeal' && data.result === 'Succeeded');
    const everything = await applier.everything();
    for (const value of ['one', 'user', 'drift'].map(canary).concat(longer, canary('two')))
      for (const form of forms(value)) expect(everything).not.toContain(form);
  });

  it('names the field of a secret that the server refuses, without its value', async () => {
    await using scene = await scenario(kube);
    const { applier, application, namespace } = scene;
    await applier.deployed({
      application,
      namespace,
      objects: [make.secret('fixed', { password: canary('old') }, { immutable: true })],
    });
    const { data } = await applier.deployed({
      application,
      namespace,
      objects: [
        make.secret('fixed', { password: canary('new') }, { immutable: true }),
        make.secret('bad key!', { 'no good': canary('bad') }),
      ],
    });
    expect(data).toMatchObject({ result: 'Failed', changes: { counts: { Failed: 2 } } });
    const immutable = data.changes.inline.find(({ key }) => key.endsWith('/fixed'));
    expect(immutable).toMatchObject({
      reason: 'ImmutableField',
      message: expect.stringContaining('data: immutable') as string,
    });
    const everything = await applier.everything();
    for (const value of ['old', 'new', 'bad'].map(canary))
      for (const form of forms(value)) expect(everything).not.toContain(form);
  });

  it('keeps values out of what an admission policy says about a secret', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core } = scene;
    await observer.namespace(namespace);
    const name = `${namespace}-tell`;
    await observer.create('/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies', {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name },
      spec: {
        matchConstraints: {
          resourceRules: [
            { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['secrets'] },
          ],
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
        },
        validations: [{ expression: 'false', messageExpression: '"bad value " + string(object.data.password)' }],
      },
    });
    await observer.create('/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings', {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name },
      spec: { policyName: name, validationActions: ['Deny'] },
    });
    await applier.eventually(
      async () =>
        (await kube.request('POST', `${core}/secrets?dryRun=All`, { body: make.secret('x', { password: 'y' }) }))
          .status === 422
          ? true
          : undefined,
      'the policy',
    );
    const { data } = await applier.deployed({
      application,
      namespace,
      objects: [make.secret('db', { password: canary('told') })],
    });
    expect(data.changes.inline[0]).toMatchObject({
      action: 'Failed',
      reason: 'AdmissionDenied',
      message: expect.stringContaining(name) as string,
    });
    const everything = await applier.everything();
    for (const form of forms(canary('told'))) expect(everything).not.toContain(form);
  });
});
