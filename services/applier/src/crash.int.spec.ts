// SPDX-License-Identifier: Apache-2.0
import { UpstreamError } from '@plumbline/core';
import type { EventLog } from '@plumbline/event-log';
import type { KubeTransport } from '@plumbline/kube';
import type { ObjectStore } from '@plumbline/object-store';
import { type KubeServer, startKube } from '@plumbline/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { make } from './testing/objects.js';
import { scenario, type Scenario } from './testing/scenario.js';

/**
 * Ends a process at its nth effect, as SIGKILL would: the effect itself still happens or not, its answer never
 * arrives, and nothing after it
 * reaches log, store or cluster.
 */
class Crash {
  readonly #at: number;
  readonly #lastEffectHappens: boolean;

  #effects = 0;
  readonly dead = Promise.withResolvers<void>();

  constructor(at: number, lastEffectHappens: boolean) {
    this.#at = at;
    this.#lastEffectHappens = lastEffectHappens;
  }

  async effect<T>(work: () => Promise<T>): Promise<T> {
    this.#effects += 1;
    if (this.#effects < this.#at) return work();
    if (this.#effects === this.#at && this.#lastEffectHappens) await work().catch(() => undefined);
    this.dead.resolve();
    throw new UpstreamError('PLB-6001', 'the process is dead', { retry: 'never' });
  }

  log(log: EventLog): EventLog {
    return {
      append: (request) => this.effect(() => log.append(request)),
      read: (options) => log.read(options),
      head: () => log.head(),
      readStream: (stream, from) => log.readStream(stream, from),
      readBodies: (options) => log.readBodies(options),
      readStreamBodies: (stream, from) => log.readStreamBodies(stream, from),
    };
  }

  store(store: ObjectStore): ObjectStore {
    return {
      put: (contents) => this.effect(() => store.put(contents)),
      get: (digest) => store.get(digest),
      getMany: (digests) => store.getMany(digests),
    };
  }

  transport(inner: KubeTransport): KubeTransport {
    return {
      request: (request) =>
        request.method === 'GET' ? inner.request(request) : this.effect(() => inner.request(request)),
      close: () => inner.close(),
    };
  }
}

/** Two versions: the second one updates, creates, and prunes. */
async function play({ applier, application, namespace }: Scenario): Promise<void> {
  await applier.deploy({
    application,
    namespace,
    objects: [
      make.configMap('settings'),
      make.configMap('leaves'),
      make.secret('db', { password: 'x' }),
      make.deployment('web', { configMap: 'settings' }),
    ],
  });
}

async function next({ applier, application, namespace }: Scenario): Promise<void> {
  await applier.deploy({
    application,
    namespace,
    objects: [
      make.configMap('settings', { color: 'red' }),
      make.configMap('new'),
      make.secret('db', { password: 'y' }),
      make.deployment('web', { configMap: 'settings', replicas: 2 }),
    ],
  });
}

async function restartWith(scene: Scenario, crash: Crash | undefined): Promise<void> {
  const { applier } = scene;
  await applier.stopApplier();
  if (crash === undefined) {
    await applier.startApplier();
    return;
  }
  const { connect } = applier;
  applier.connect = async (cluster) => crash.transport(await connect(cluster));
  await applier.startApplier({ log: crash.log(applier.log), store: crash.store(applier.store) });
  applier.connect = connect;
}

async function live({ observer, core, apps }: Scenario): Promise<unknown> {
  const names = async (path: string): Promise<string[]> =>
    (await observer.get(path)).items.map(({ metadata }: { metadata: { name: string } }) => metadata.name).sort();
  return {
    configMaps: await names(`${core}/configmaps`),
    secrets: await names(`${core}/secrets`),
    deployments: await names(`${apps}/deployments`),
    color: (await observer.get(`${core}/configmaps/settings`)).data,
    replicas: (await observer.get(`${apps}/deployments/web`)).spec.replicas,
  };
}

const WANTED = {
  configMaps: ['new', 'settings'],
  secrets: ['db'],
  deployments: ['web'],
  color: { color: 'red' },
  replicas: 2,
};

describe('crashes against a real API server', () => {
  let kube: KubeServer;
  beforeAll(async () => {
    kube = await startKube({ audit: 'Metadata' });
  });
  afterAll(async () => kube[Symbol.asyncDispose]());

  // A run of this sync has 13 effects: connected, 4 of the intent and outcome, 5 writes, and what follows.
  it.each(
    Array.from({ length: 14 }, (_, index) => index + 1).flatMap(
      (at) =>
        [
          [at, true],
          [at, false],
        ] as const,
    ),
  )('resumes after a crash at effect %i (done: %s) without leak, duplicate or lost outcome', async (at, happens) => {
    await using scene = await scenario(kube);
    const { applier } = scene;
    await play(scene);
    await applier.until('SyncCompleted');
    await applier.until('HealthChanged');
    const crash = new Crash(at, happens);
    await restartWith(scene, crash);
    const from = await applier.log.head();
    await next(scene);
    await Promise.race([crash.dead.promise, applier.until('SyncCompleted', () => true, { from })]);
    await restartWith(scene, undefined);
    await applier.eventually(
      async () => ((await applier.events('SyncCompleted')).at(-1)?.data.version === 2 ? true : undefined),
      'the second version',
    );
    const started = (await applier.events('SyncStarted', from)).map(({ data }) => data.syncId);
    const completed = (await applier.events('SyncCompleted', from)).map(({ data }) => data.syncId);
    expect(started).toHaveLength(1);
    expect(completed).toEqual(started);
    expect((await applier.events('SyncCompleted')).at(-1)?.data).toMatchObject({
      result: 'Succeeded',
      objectCount: 4,
    });
    expect(await live(scene)).toEqual(WANTED);
    // What is there is what the inventory says: dropping everything leaves nothing behind.
    await applier.append(`application-${scene.application}`, {
      type: 'ApplicationRemoved',
      data: { application: scene.application, mode: 'Delete' },
    });
    await applier.until('TargetRemoved');
    expect((await scene.observer.get(`${scene.core}/configmaps`)).items).toEqual([]);
  });

  it('closes a run that a newer release has overtaken while nobody ran', async () => {
    await using scene = await scenario(kube);
    const { applier } = scene;
    await play(scene);
    await applier.until('HealthChanged');
    const crash = new Crash(4, false);
    await restartWith(scene, crash);
    const from = await applier.log.head();
    await next(scene);
    await crash.dead.promise;
    await applier.stopApplier();
    await applier.deploy({
      application: scene.application,
      namespace: scene.namespace,
      objects: [make.configMap('settings', { color: 'green' })],
    });
    await applier.startApplier();
    await applier.until('SyncCompleted', ({ data }) => data.version === 3 && data.result === 'Succeeded', { from });
    const started = (await applier.events('SyncStarted', from)).map(({ data }) => data.syncId);
    expect((await applier.events('SyncCompleted', from)).map(({ data }) => data.syncId)).toEqual(started);
    const names = (await scene.observer.get(`${scene.core}/configmaps`)).items.map(
      ({ metadata }: { metadata: { name: string } }) => metadata.name,
    );
    expect(names).toEqual(['settings']);
  });

  it('rolls back to the recorded render: prunes what is newer, and is a release of its own in the log', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace, core } = scene;
    const { rendered } = await applier.deploy({
      application,
      namespace,
      objects: [make.configMap('settings'), make.configMap('old')],
    });
    await applier.until('SyncCompleted');
    await applier.deployed({
      application,
      namespace,
      objects: [make.configMap('settings', { color: 'red' }), make.configMap('old'), make.configMap('newer')],
    });
    const from = await applier.log.head();
    const releaseId = await applier.release(rendered, { kind: 'Rollback' });
    const { data } = await applier.until('SyncCompleted', () => true, { from });
    expect(data).toMatchObject({
      cause: 'Rollback',
      version: 1,
      renderDigest: rendered.renderDigest,
      result: 'Succeeded',
      changes: { counts: { Configured: 1, Pruned: 1, Unchanged: 1 } },
    });
    expect((await applier.events('SyncStarted', from))[0]?.data.releaseId).toBe(releaseId);
    expect((await observer.get(`${core}/configmaps/settings`)).data).toEqual({ color: 'blue' });
    expect(await observer.get(`${core}/configmaps/newer`)).toBeUndefined();
    // A version that was rendered but not released does not undo it.
    await applier.render({ application, namespace, objects: [make.configMap('settings', { color: 'green' })] });
    const at = await applier.append(`application-${application}`, {
      type: 'SyncRequested',
      data: { application, confirmPrune: false },
    });
    expect((await applier.until('SyncCompleted', () => true, { from: at })).data).toMatchObject({
      version: 1,
      changes: { counts: { Unchanged: 2 } },
    });
  });

  it('has every write in the log: version, render, cause, outcome per object; and a replay knows the same', async () => {
    await using scene = await scenario(kube);
    const { applier, observer, application, namespace } = scene;
    const since = await observer.mark();
    await play(scene);
    await applier.until('SyncCompleted');
    const from = await applier.log.head();
    await next(scene);
    const { data, causationId, correlationId } = await applier.until('SyncCompleted', () => true, { from });
    const release = (await applier.events('VersionReleased')).at(-1);
    expect({ causationId, correlationId }).toEqual({ causationId: release?.id, correlationId: release?.correlationId });
    expect(data.renderDigest).toBe(release?.data.renderDigest);
    const effective = new Set(['Created', 'Configured', 'Adopted', 'Pruned']);
    const told = (await applier.events('SyncCompleted')).flatMap(({ data: { changes } }) =>
      changes.inline
        .filter(({ action }) => effective.has(action))
        .map(({ key, action }) => `${action === 'Pruned' ? 'delete' : 'patch'} ${key.split('/').at(-1) ?? ''}`),
    );
    const done = (await observer.writes({ since }))
      .filter(({ objectRef }) => objectRef?.namespace === namespace && objectRef.resource !== 'namespaces')
      .map(({ verb, objectRef }) => `${verb} ${objectRef?.name ?? ''}`);
    expect(told.sort()).toEqual(done.sort());
    const quiet = await observer.mark();
    await applier.stopApplier();
    await applier.startApplier();
    const at = await applier.append(`application-${application}`, {
      type: 'SyncRequested',
      data: { application, confirmPrune: false },
    });
    expect((await applier.until('SyncCompleted', () => true, { from: at })).data).toMatchObject({
      inventoryDigest: data.inventoryDigest,
      changes: { counts: { Unchanged: 4 } },
    });
    expect(await observer.writes({ since: quiet })).toEqual([]);
  });
});
