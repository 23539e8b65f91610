// SPDX-License-Identifier: Apache-2.0
import { type KubeServer, startKube } from '@plumbline/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { make } from './testing/objects.js';
import { scenario } from './testing/scenario.js';

describe('plans on a real API server', () => {
  let kube: KubeServer;
  beforeAll(async () => {
    kube = await startKube({ audit: 'Metadata' });
  });
  afterAll(async () => kube[Symbol.asyncDispose]());

  it('plans without a side effect, and the sync that follows does what the plan said', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace } = scene;
    await applier.deployed({
      application,
      namespace,
      objects: [make.configMap('settings'), make.configMap('gone'), make.deployment('web')],
    });
    await observer.create(
      `${scene.core}/configmaps?fieldManager=somebody`,
      make.configMap('foreign', { color: 'green' }),
    );
    const since = await observer.mark();
    const rendered = await applier.render({
      application,
      namespace,
      objects: [
        make.configMap('settings', { color: 'red' }),
        make.deployment('web'),
        make.configMap('new'),
        make.configMap('foreign'),
      ],
    });
    const position = await applier.append(`application-${application}`, {
      type: 'PlanRequested',
      data: { application, version: rendered.version },
    });
    const { data: plan, causationId } = await applier.until('PlanComputed', () => true, { from: position });
    expect(await observer.writes({ since })).toEqual([]);
    expect((await observer.writes({ since, dryRuns: true })).length).toBeGreaterThan(0);
    expect(causationId).toBe((await applier.events('PlanRequested'))[0]?.id);
    expect(plan).toMatchObject({
      partial: false,
      renderDigest: rendered.renderDigest,
      changes: { counts: { Configured: 1, Created: 1, Pruned: 1, Unchanged: 1, Adopted: 1 } },
    });
    expect(plan.changes.inline.find(({ action }) => action === 'Adopted')).toMatchObject({
      takenOver: ['somebody: .data.color'],
    });
    const from = await applier.log.head();
    await applier.release(rendered);
    const { data: sync } = await applier.until('SyncCompleted', () => true, { from });
    const verdicts = (changes: typeof sync.changes): string[] =>
      changes.inline.map(({ key, action }) => `${key} ${action}`).sort();
    expect(verdicts(sync.changes)).toEqual(verdicts(plan.changes));
    expect(plan.changes.inline.find(({ action }) => action === 'Configured')?.fields).toEqual(['data.color']);
  });

  it('plans a version for every target of its environment when an approval is asked for', async () => {
    await using scene = await scenario(kube);
    const { applier, application, namespace } = scene;
    const rendered = await applier.render({ application, namespace, objects: [make.configMap('settings')] });
    await applier.append(`version-${application}/${rendered.version}`, {
      type: 'ApprovalRequested',
      data: {
        application,
        environment: 'production',
        version: rendered.version,
        renderDigest: rendered.renderDigest,
        required: 1,
        excluded: [],
      },
    });
    const { data } = await applier.until('PlanComputed');
    expect(data).toMatchObject({ version: 1, cluster: 'kube' });
  });

  it('has one digest for one plan, and another one for another', async () => {
    await using scene = await scenario(kube);
    const { applier, application, namespace, observer } = scene;
    await observer.namespace(namespace);
    const digests: string[] = [];
    for (const color of ['blue', 'blue', 'red']) {
      const rendered = await applier.render({
        application,
        namespace,
        objects: [make.configMap('settings', { color })],
      });
      const from = await applier.append(`application-${application}`, {
        type: 'PlanRequested',
        data: { application, version: rendered.version },
      });
      digests.push((await applier.until('PlanComputed', () => true, { from })).data.planDigest);
    }
    expect(digests[0]).toBe(digests[1]);
    expect(digests[2]).not.toBe(digests[0]);
  });

  it('plans partially where a namespace or a kind is not there yet', async () => {
    await using scene = await scenario(kube);
    const { applier, application, namespace } = scene;
    const rendered = await applier.render({
      application,
      namespace,
      objects: [
        make.namespace(namespace),
        make.configMap('settings'),
        make.definition('pears', 'Pear', 'a21.example.com'),
        make.custom('Pear', 'a21.example.com', 'one'),
      ],
    });
    await applier.append(`application-${application}`, {
      type: 'PlanRequested',
      data: { application, version: rendered.version },
    });
    const { data } = await applier.until('PlanComputed');
    expect(data).toMatchObject({ partial: true, changes: { counts: { Created: 2, Unverified: 2 } } });
    const messages = data.changes.inline.filter(({ action }) => action === 'Unverified').map(({ message }) => message);
    expect(messages).toContainEqual(expect.stringContaining(`Namespace ${namespace}`));
    expect(messages).toContainEqual(expect.stringContaining('CustomResourceDefinition of Pear'));
  });

  it('answers a plan of a version that does not exist', async () => {
    await using scene = await scenario(kube);
    const { applier, application } = scene;
    await applier.append(`application-${application}`, { type: 'PlanRequested', data: { application, version: 7 } });
    expect((await applier.until('PlanFailed')).data).toMatchObject({ reason: 'UnknownVersion', version: 7 });
  });
});
