// SPDX-License-Identifier: Apache-2.0
import { Digest } from '@plumbline/core';
import type { EventOf } from '@plumbline/events';
import type { KubeRequest, KubeTransport } from '@plumbline/kube';
import { type KindSchema, validateObject } from '@plumbline/kube/schema';
import { type KubeServer, startKube, startSimulatedClusters } from '@plumbline/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApplierFixture } from './testing/applier-fixture.js';
import { make } from './testing/objects.js';
import { scenario } from './testing/scenario.js';

interface Apis {
  readonly resources: readonly {
    readonly group: string;
    readonly version: string;
    readonly kind: string;
    readonly schema?: string;
  }[];
}

/** Puts something before the transports of a fixture's next connections. */
function intercept(applier: ApplierFixture, seen: (request: KubeRequest) => Promise<void> | void): void {
  const { connect } = applier;
  applier.connect = async (cluster) => {
    const transport = await connect(cluster);
    return {
      request: async (request: KubeRequest) => {
        await seen(request);
        return transport.request(request);
      },
      close: () => transport.close(),
    } satisfies KubeTransport;
  };
}

async function apisOf(applier: ApplierFixture, { data }: EventOf<'ClusterConnected'>): Promise<Apis> {
  return JSON.parse(await applier.store.get(Digest.parse(data.apisDigest))) as Apis;
}

async function schemaOf(
  applier: ApplierFixture,
  event: EventOf<'ClusterConnected'>,
  kind: string,
): Promise<KindSchema | undefined> {
  const digest = (await apisOf(applier, event)).resources.find((resource) => resource.kind === kind)?.schema;
  return digest === undefined ? undefined : (JSON.parse(await applier.store.get(Digest.parse(digest))) as KindSchema);
}

describe('the schemas of a real API server', () => {
  let kube: KubeServer;
  beforeAll(async () => {
    kube = await startKube();
  });
  afterAll(async () => {
    await kube[Symbol.asyncDispose]();
  });

  it('are known with the kinds, in the one event of a connection', async () => {
    await using scene = await scenario(kube);
    const { applier } = scene;
    const connected = await applier.until('ClusterConnected');
    const { resources } = await apisOf(applier, connected);
    expect(resources.filter(({ schema }) => schema === undefined).map(({ kind }) => kind)).toEqual([]);
    expect((await applier.store.getMany(resources.map(({ schema = '' }) => Digest.parse(schema)))).size).toBe(
      new Set(resources.map(({ schema }) => schema)).size,
    );
    const deployment = await schemaOf(applier, connected, 'Deployment');
    if (deployment === undefined) throw new Error('no schema');
    expect(validateObject(deployment, make.deployment('web'))).toEqual([]);
    expect(validateObject(deployment, { ...make.deployment('web'), spek: {} })).toMatchObject([{ path: 'spek' }]);
    expect(await applier.events('ClusterConnected')).toHaveLength(1);
  });

  it('are not read again by a restart, which appends nothing', async () => {
    await using scene = await scenario(kube);
    const { applier } = scene;
    await applier.until('ClusterConnected');
    const head = await applier.log.head();
    await applier.stopApplier();
    const paths: string[] = [];
    intercept(applier, ({ path }) => void (path.startsWith('/openapi') && paths.push(path)));
    await applier.startApplier();
    // The second reading of the list is that of the first probe.
    await applier.eventually(async () => (paths.length >= 2 ? true : undefined), 'a probe');
    expect([...new Set(paths)]).toEqual(['/openapi/v3']);
    expect(await applier.log.head()).toBe(head);
  });

  it('follow a definition that comes and changes', async () => {
    await using scene = await scenario(kube);
    const { applier, observer } = scene;
    await applier.until('ClusterConnected');
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    const definition = make.definition('gadgets', 'Gadget', 'schemas.example.org');
    await observer.create(path, definition);
    const known = async (object: object): Promise<EventOf<'ClusterConnected'> | undefined> => {
      const last = (await applier.events('ClusterConnected')).at(-1);
      const schema = last === undefined ? undefined : await schemaOf(applier, last, 'Gadget');
      return schema !== undefined && validateObject(schema, object).length === 0 ? last : undefined;
    };
    const gadget = { apiVersion: 'schemas.example.org/v1', kind: 'Gadget', metadata: { name: 'a' }, spec: { size: 1 } };
    await applier.eventually(() => known(gadget), 'the schema of Gadget');
    expect(await known({ ...gadget, spec: { size: 1, color: 'red' } })).toBeUndefined();
    const openAPIV3Schema = {
      type: 'object',
      properties: { spec: { type: 'object', properties: { size: { type: 'integer' }, color: { type: 'string' } } } },
    };
    await observer.merge(`${path}/gadgets.schemas.example.org`, {
      spec: { versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema } }] },
    });
    await applier.eventually(() => known({ ...gadget, spec: { size: 1, color: 'red' } }), 'the changed schema');
  });

  it('are those of simulated clusters too', async () => {
    await using scene = await scenario(kube);
    const { applier } = scene;
    await using simulated = await startSimulatedClusters({ names: ['local'] });
    await applier.declareCluster('local', { kubeconfig: { path: simulated.cluster('local').kubeconfigPath } });
    const schema = await schemaOf(
      applier,
      await applier.until('ClusterConnected', ({ data }) => data.cluster === 'local'),
      'ConfigMap',
    );
    if (schema === undefined) throw new Error('no schema');
    expect(validateObject(schema, { ...make.configMap('a'), dat: {} })).toMatchObject([{ path: 'dat' }]);
  });

  it('may be missing: the cluster is connected without, they come later, and a restart without them changes nothing', async () => {
    await using scene = await scenario(kube);
    const { applier } = scene;
    await applier.until('ClusterConnected');
    await applier.stopApplier();
    let broken = true;
    intercept(applier, ({ path }) => {
      if (broken && path.startsWith('/openapi')) throw new Error('not today');
    });
    await applier.startApplier();
    const head = await applier.log.head();
    // A cluster of another name starts from nothing.
    await applier.declareCluster('other', { kubeconfig: { path: kube.kubeconfigPath } });
    const first = await applier.until('ClusterConnected', ({ data }) => data.cluster === 'other');
    expect(await schemaOf(applier, first, 'Deployment')).toBeUndefined();
    broken = false;
    const second = await applier.until('ClusterConnected', ({ data }) => data.cluster === 'other', {
      from: first.position + 1,
    });
    expect(await schemaOf(applier, second, 'Deployment')).toBeDefined();
    expect((await applier.events('ClusterConnected', head)).map(({ data }) => data.cluster)).toEqual([
      'other',
      'other',
    ]);
  });
});
