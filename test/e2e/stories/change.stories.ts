// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import type { RecordedEvent } from '@plumbline/events';
import {
  applicationResource,
  deploymentYaml,
  environmentOf,
  repositoryResource,
  sampleFiles,
} from '../fixture/samples.js';
import type { TestEnvironment } from '../fixture/test-environment.js';

/** From a commit to a cluster. */
export function changeStories(fixture: () => TestEnvironment): void {
  it('a commit becomes version 1, is released, applied, and healthy; every step is in the log under one correlation', async () => {
    const { topology, repository, apply, healthy, east } = fixture();
    await repository('first', sampleFiles('deploy', 'first'));
    await apply(applicationResource('first', { repository: 'first', path: 'deploy', namespace: 'first' }));
    const { released, targets } = await healthy('first', { version: 1 });
    expect(released).toMatchObject({ version: 1, objectCount: 4 });
    expect(targets).toMatchObject([{ cluster: 'east', version: 1, renderDigest: released?.renderDigest }]);
    expect((await east.get('/api/v1/namespaces/first/configmaps/first')).data).toEqual({ greeting: 'hello' });
    expect((await east.get('/apis/apps/v1/namespaces/first/deployments/first')).status.readyReplicas).toBe(2);
    await expectWholeWay(fixture(), released?.correlationId ?? '', { application: 'default/first' });
    expect(
      topology.observer.ofType('VersionRendered').filter(({ data }) => data.application === 'default/first'),
    ).toHaveLength(1);
  });

  it('a commit that changes one application of several: the others get no event and no render', async () => {
    const {
      topology: { client, observer },
      repository,
      apply,
      healthy,
    } = fixture();
    const names = ['one', 'two', 'three'];
    const source = await repository(
      'several',
      Object.assign({}, ...names.map((name) => sampleFiles(`apps/${name}`, name))) as Record<string, string>,
    );
    await apply(
      ...names.map((name) =>
        applicationResource(name, { repository: 'several', path: `apps/${name}`, namespace: name }),
      ),
    );
    for (const name of names) await healthy(name, { version: 1 });
    const before = observer.head;
    const commit = await source.commit({ files: sampleFiles('apps/two', 'two', { greeting: 'changed' }) });
    await client.refresh('several');
    await healthy('two', { commit });
    const others = observer.events.filter(
      (event) => event.position > before && /(^|[/-])(one|three)(\/|$)/.test(event.stream),
    );
    expect(others.map(({ type, stream }) => `${type} ${stream}`)).toEqual([]);
    expect(observer.ofType('VersionRendered', before)).toMatchObject([
      { data: { application: 'default/two', version: 2 } },
    ]);
    const [sync] = observer.ofType('SyncCompleted', before);
    expect(sync?.data.changes.counts).toMatchObject({ Configured: 1 });
  });

  it('a commit that touches no application appends that it was seen, and nothing else', async () => {
    const {
      topology: { client, observer },
      repository,
      apply,
      healthy,
    } = fixture();
    const source = await repository('quiet', sampleFiles('deploy', 'quiet'));
    await apply(applicationResource('quiet', { repository: 'quiet', path: 'deploy', namespace: 'quiet' }));
    await healthy('quiet', { version: 1 });
    const revision = await source.commit({ files: { 'README.md': 'read me' } });
    const { position } = await client.refresh('quiet');
    const seen = await observer.first('RevisionObserved', ({ data }) => data.revision === revision);
    // A commit behind it that does change something: whatever the first one caused is in the log by then.
    const commit = await source.commit({ files: sampleFiles('deploy', 'quiet', { greeting: 'again' }) });
    await client.refresh('quiet');
    await healthy('quiet', { commit, version: 2 });
    expect(
      observer.events
        .filter((event) => event.position > position && event.correlationId === seen.correlationId)
        .map(({ type }) => type),
    ).toEqual(['RevisionObserved']);
  });

  it('a webhook is enough: signed, it leads to the change without a poll; unsigned, to nothing', async () => {
    const { topology, repository, apply, healthy, east } = fixture();
    const source = await repository('hooked', sampleFiles('deploy', 'hooked', { deployment: false }));
    await apply(applicationResource('hooked', { repository: 'hooked', path: 'deploy', namespace: 'hooked' }));
    await healthy('hooked', { version: 1 });
    const commit = await source.commit({
      files: sampleFiles('deploy', 'hooked', { greeting: 'from a webhook', deployment: false }),
    });
    const forged = await fetch(`${topology.url}/webhooks/generic`, {
      method: 'POST',
      body: JSON.stringify({ repository: source.url }),
      headers: { 'content-type': 'application/json' },
    });
    expect(forged.status).toBe(401);
    expect(await topology.webhook(source.url)).toBe(202);
    await healthy('hooked', { commit });
    expect((await east.get('/api/v1/namespaces/hooked/configmaps/hooked')).data).toEqual({
      greeting: 'from a webhook',
    });
    expect(
      topology.observer.ofType('RefreshRequested').filter(({ data }) => data.repository === 'hooked'),
    ).toMatchObject([{ data: { source: 'Webhook', provider: 'generic' } }]);
  });

  it('a kustomize application gets the overlay of each environment, and a base counts for both', async () => {
    const {
      topology: { client },
      repository,
      apply,
      healthy,
      east,
      west,
    } = fixture();
    const overlay = (tier: string, replicas: number): Record<string, string> => ({
      [`k/overlays/${tier}/kustomization.yaml`]: `resources: [../../base]\nnamePrefix: ${tier}-\nreplicas: [{ name: shop, count: ${replicas} }]\n`,
    });
    const base = {
      'k/base/kustomization.yaml': 'resources: [deployment.yaml, account.yaml]\n',
      'k/base/account.yaml': 'apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: shop }\n',
      'k/base/deployment.yaml': deploymentYaml('shop', 9),
    };
    const source = await repository('overlays', { ...base, ...overlay('staging', 1), ...overlay('production', 3) });
    const environments = [
      environmentOf('staging', { path: 'k/overlays/staging', namespace: 'k-staging' }),
      environmentOf('production', { path: 'k/overlays/production', namespace: 'k-production', after: ['staging'] }),
    ];
    await apply(applicationResource('overlays', { repository: 'overlays', path: 'k', environments }));
    await healthy('overlays', { version: 1, environment: 'production' });
    expect((await east.get('/apis/apps/v1/namespaces/k-staging/deployments/staging-shop')).spec.replicas).toBe(1);
    expect((await west.get('/apis/apps/v1/namespaces/k-production/deployments/production-shop')).spec.replicas).toBe(3);
    const commit = await source.commit({
      files: { 'k/base/deployment.yaml': deploymentYaml('shop', 9).replace('web:1', 'web:2') },
    });
    await client.refresh('overlays');
    await healthy('overlays', { commit, environment: 'staging' });
    await healthy('overlays', { commit, environment: 'production' });
    expect(
      (await west.get('/apis/apps/v1/namespaces/k-production/deployments/production-shop')).spec.template.spec
        .containers[0].image,
    ).toBe('registry.example.com/web:2');
  });

  it('what cannot be rendered is told with file and reason, and the last good version stays', async () => {
    const {
      topology: { client, observer },
      repository,
      apply,
      healthy,
      east,
    } = fixture();
    const source = await repository('broken', sampleFiles('deploy', 'broken', { deployment: false }));
    await apply(applicationResource('broken', { repository: 'broken', path: 'deploy', namespace: 'broken' }));
    await healthy('broken', { version: 1 });
    const bad = await source.commit({ files: { 'deploy/bad.yaml': 'kind: [\n' } });
    await client.refresh('broken');
    const failed = await observer.first('RenderFailed', ({ data }) => data.application === 'default/broken');
    expect(failed.data).toMatchObject({ revision: bad, file: expect.stringContaining('bad.yaml') as unknown });
    expect((await healthy('broken', { version: 1 })).renderError?.revision).toBe(bad);
    expect(await east.get('/api/v1/namespaces/broken/configmaps/broken')).toBeDefined();
    const commit = await source.commit({
      files: {
        'deploy/bad.yaml': undefined,
        ...sampleFiles('deploy', 'broken', { greeting: 'mended', deployment: false }),
      },
    });
    await client.refresh('broken');
    expect((await healthy('broken', { commit })).renderError).toBeUndefined();
  });

  it('a change of the application itself is a new version; a second apply of the same changes nothing', async () => {
    const {
      topology: { client, observer },
      repository,
      apply,
      healthy,
      east,
    } = fixture();
    const source = await repository('moved', {
      ...sampleFiles('blue', 'moved', { greeting: 'blue', deployment: false }),
      ...sampleFiles('green', 'moved', { greeting: 'green', deployment: false }),
    });
    await apply(applicationResource('moved', { repository: 'moved', path: 'blue', namespace: 'moved' }));
    await healthy('moved', { version: 1 });
    await apply(applicationResource('moved', { repository: 'moved', path: 'green', namespace: 'moved' }));
    await healthy('moved', { version: 2 });
    expect((await east.get('/api/v1/namespaces/moved/configmaps/moved')).data).toEqual({ greeting: 'green' });
    const head = observer.head;
    const again = await client.apply({
      resources: [
        repositoryResource('moved', source.url),
        applicationResource('moved', { repository: 'moved', path: 'green', namespace: 'moved' }),
      ],
    });
    expect(again.resources.map(({ action }) => action)).toEqual(['unchanged', 'unchanged']);
    expect(observer.events.filter((event) => event.position > head && event.type.endsWith('Declared'))).toEqual([]);
  });
}

/**
 * Reads the way of a change back from the audit query: each step with its actor and its cause, under one correlation.
 */
async function expectWholeWay(
  { topology: { client, observer } }: TestEnvironment,
  correlationId: string,
  { application }: { readonly application: string },
): Promise<void> {
  const { events } = await client.audit({ correlationId, order: 'asc', limit: 200 });
  const types = events.map(({ type }) => type);
  for (const type of ['VersionRendered', 'PolicyEvaluated', 'VersionReleased', 'SyncStarted', 'SyncCompleted'])
    expect(types).toContain(type);
  const order = ['VersionRendered', 'PolicyEvaluated', 'VersionReleased', 'SyncStarted', 'SyncCompleted'].map((type) =>
    types.indexOf(type as RecordedEvent['type']),
  );
  expect(order).toEqual([...order].sort((a, b) => a - b));
  const known = new Set(observer.events.map(({ id }) => id));
  for (const event of events) {
    expect(event.actor, event.type).toMatchObject({
      kind: expect.any(String) as unknown,
      id: expect.stringMatching(/./) as unknown,
    });
    if (event.type === 'RevisionObserved' || event.type.endsWith('Declared')) continue;
    expect(known.has(event.causationId), `the cause of ${event.type} at ${event.position} is an event of the log`).toBe(
      true,
    );
  }
  expect(
    events.filter((event) => 'application' in event.data && event.data.application === application).length,
  ).toBeGreaterThanOrEqual(5);
}
