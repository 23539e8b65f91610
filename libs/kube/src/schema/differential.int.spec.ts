// SPDX-License-Identifier: Apache-2.0
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseManifests } from '@plumbline/manifest';
import { type KubeServer, startKube } from '@plumbline/testkit';
import { describeWith } from '@plumbline/testkit/vitest';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { KubeClient } from '../client.js';
import { parseJson } from '../json.js';
import { connectKube } from '../transports/undici-transport.js';
import type { KubeTransport } from '../kube-transport.port.js';
import type { ApiResource, KubeObject } from '../types.js';
import { compactDefinition, compactDocument } from './compact.js';
import type { KindSchema } from './model.js';
import { type Mutation, mutationsOf } from './testing/mutations.js';
import { validateObject } from './validate.js';

/** Examples of values inside a definition: what they must be is said elsewhere in it. */
const EXAMPLE = /openAPIV3Schema.*\.default\b/;
/**
 * Nothing is judged where unknown fields are kept, nor in the metadata of embedded objects, nor in that of a kind
 * known by its definition only.
 */
const FREE =
  /^schema\.example\.org\/(v1beta1 |v1 .*: (unknown |without )?(metadata|spec\.(free|half|raw|anything|template\.metadata))\b)/;
const ROOT = join(import.meta.dirname, '../../../..');

function objectsOf(pattern: string): KubeObject[] {
  return globSync(pattern, { cwd: ROOT })
    .sort()
    .flatMap((file): readonly unknown[] => {
      const text = readFileSync(join(ROOT, file), 'utf8');
      return file.endsWith('.json') ? expectedObjects(text) : parseManifests(text, file).map(({ object }) => object);
    })
    .filter(isKubeObject);
}

function expectedObjects(text: string): unknown[] {
  const parsed: unknown = JSON.parse(text);
  const list: unknown[] = Array.isArray(parsed)
    ? parsed
    : typeof parsed === 'object' && parsed !== null
      ? Object.values(parsed)
      : [];
  return list.flatMap((item) =>
    typeof item === 'object' && item !== null && 'object' in item ? [item.object] : [item],
  );
}

function isKubeObject(value: unknown): value is KubeObject {
  if (
    typeof value !== 'object' ||
    value === null ||
    !('apiVersion' in value) ||
    !('kind' in value) ||
    !('metadata' in value)
  )
    return false;
  return typeof value.metadata === 'object' && value.metadata !== null && 'name' in value.metadata;
}

interface Answer extends Mutation {
  readonly id: string;
  /** By each schema of the kind. */
  readonly issues: readonly (readonly string[])[];
  readonly refusal: string | undefined;
}

describeWith('kube', 'schemas beside the API server', () => {
  let server: KubeServer;
  let client: KubeClient;
  const schemas = new Map<string, KindSchema>();
  const own = new Set(objectsOf('libs/kube/src/schema/testdata/*.yaml'));
  const objects = [
    ...own,
    ...objectsOf('demo/sample/*/*.yaml'),
    ...objectsOf('demo/sample/*/base/web.yaml'),
    ...objectsOf('services/renderer/testdata/*/expected/objects.json'),
  ];

  async function loadSchemas(from: KubeTransport, into: Map<string, KindSchema>): Promise<void> {
    const text = async (path: string): Promise<string> =>
      (await from.request({ method: 'GET', path, headers: { accept: 'application/json' } })).text();
    const { paths } = parseJson<{ paths: Record<string, { serverRelativeURL: string }> }>(
      await text('/openapi/v3'),
      'openapi',
    );
    for (const [path, { serverRelativeURL }] of Object.entries(paths)) {
      if (!/^(api|apis\/[^/]+)\/v\w+$/.test(path)) continue;
      for (const { apiVersion, kind, schema } of compactDocument(JSON.parse(await text(serverRelativeURL))))
        into.set(`${apiVersion}/${kind}`, schema);
    }
  }

  async function resourceOf(object: KubeObject): Promise<ApiResource | undefined> {
    const lookup = await client.discovery.resourceFor(object.apiVersion, object.kind);
    return 'found' in lookup ? lookup.found : undefined;
  }

  function schemaOf(object: KubeObject): KindSchema {
    const schema = schemas.get(`${object.apiVersion}/${object.kind}`);
    if (schema === undefined) throw new Error(`no schema of ${object.apiVersion} ${object.kind}`);
    return schema;
  }

  /** The published schema and, where the corpus has the definition of the kind, that of the definition itself. */
  function allSchemasOf(object: KubeObject): KindSchema[] {
    const defined = objects.flatMap((definition) =>
      definition.kind === 'CustomResourceDefinition' ? compactDefinition(definition) : [],
    );
    const own = defined.filter(({ apiVersion, kind }) => apiVersion === object.apiVersion && kind === object.kind);
    return [schemaOf(object), ...own.map(({ schema }) => schema)];
  }

  /** What the server says to a strict dry run of an apply; undefined when it accepts. */
  async function refusalOf(resource: ApiResource, object: KubeObject): Promise<string | undefined> {
    const { namespace: _other, ...metadata } = object.metadata;
    const placed = { ...object, metadata: resource.namespaced ? { ...metadata, namespace: 'default' } : metadata };
    return client.apply(resource, placed, { dryRun: true, force: true }).then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
  }

  beforeAll(async () => {
    server = await startKube();
    client = new KubeClient(await connectKube({ kubeconfig: { path: server.kubeconfigPath } }));
    for (const definition of objects.filter(({ kind }) => kind === 'CustomResourceDefinition')) {
      const resource = await resourceOf(definition);
      if (resource !== undefined) await client.apply(resource, definition);
    }
    await vi.waitFor(
      async () => {
        client.discovery.invalidate();
        await loadSchemas(client.transport, schemas);
        if (!schemas.has('schema.example.org/v1/Widget') || !schemas.has('schema.example.org/v1beta1/Widget'))
          throw new Error('the definitions are not published yet');
      },
      { timeout: 60_000, interval: 250 },
    );
  });
  afterAll(async () => {
    await client.close();
    await server[Symbol.asyncDispose]();
  });

  it('find nothing in anything that a strict dry run accepts', async () => {
    const accepted: string[] = [];
    for (const object of objects) {
      const resource = await resourceOf(object);
      if (resource === undefined) continue;
      const refusal = await refusalOf(resource, object);
      const id = `${object.apiVersion} ${object.kind} ${object.metadata.name}`;
      if (refusal === undefined)
        expect({ id, issues: allSchemasOf(object).flatMap((schema) => validateObject(schema, object)) }).toEqual({
          id,
          issues: [],
        });
      if (refusal === undefined) accepted.push(id);
      // The own manifests are right, all of them, so that what is made of them below has one mistake each.
      else if (own.has(object)) expect({ id, refusal }).toEqual({ id, refusal: undefined });
    }
    expect(accepted.length).toBeGreaterThan(60);
  });

  it('find a mistake only where the server refuses it, and every one that it calls an unknown field or a wrong type, in thousands of small changes', async () => {
    const work: {
      readonly id: string;
      readonly resource: ApiResource;
      readonly schemas: readonly KindSchema[];
      readonly mutation: Mutation;
    }[] = [];
    for (const object of objects) {
      const resource = await resourceOf(object);
      if (resource === undefined || (await refusalOf(resource, object)) !== undefined) continue;
      const id = `${object.apiVersion} ${object.kind} ${object.metadata.name}`;
      for (const mutation of mutationsOf(object)) work.push({ id, resource, schemas: allSchemasOf(object), mutation });
    }
    const answers: Answer[] = [];
    const next = work.values();
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        for (const { id, resource, schemas: both, mutation } of next) {
          const issues = both.map((schema) =>
            validateObject(schema, mutation.object).map(({ path, message }) => `${path} ${message}`),
          );
          answers.push({ ...mutation, id, issues, refusal: await refusalOf(resource, mutation.object as KubeObject) });
        }
      }),
    );
    const wrong = answers.filter(({ issues, refusal }) => issues.flat().length > 0 && refusal === undefined);
    expect(wrong.map(({ id, what, issues }) => `${id}: ${what}: ${issues.join()}`)).toEqual([]);
    // What it says of a field's being there or its type; `any scalar` is a quantity or an int-or-string, which nobody
    // judges here.
    const certain =
      /field not declared in schema|unknown field|expected (string|numeric|boolean|map|list)|omits key field|spec\.(size|kind|nested\.deep|items\[\d\]\.id): Required value/;
    const missed = answers.filter(
      ({ id, what, issues, refusal }) =>
        refusal !== undefined &&
        certain.test(refusal) &&
        !FREE.test(`${id}: ${what}`) &&
        !EXAMPLE.test(what) &&
        issues.some((list) => list.length === 0),
    );
    expect(
      missed.map(
        ({ id, what, issues, refusal }) =>
          `${id}: ${what}: ${issues.map((list) => list.length).join()}: ${refusal ?? ''}`,
      ),
    ).toEqual([]);
    const found = (type: Mutation['type']): number =>
      answers.filter((answer) => answer.type === type && answer.issues.flat().length > 0).length;
    expect({
      unknown: found('unknown') > 500,
      type: found('type') > 4_000,
      missing: found('missing') > 100,
      null: found('null'),
    }).toEqual({ unknown: true, type: true, missing: true, null: 0 });
  }, 240_000);
});
