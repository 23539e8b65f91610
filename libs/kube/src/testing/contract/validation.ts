// SPDX-License-Identifier: Apache-2.0
import { expect } from 'vitest';
import { KubeApiError } from '../../errors.js';
import { type Bench, type Check, configMap, deployment, dig, secret } from './bench.js';
import type { KubeObject } from '../../types.js';

async function refusal(run: Promise<unknown>): Promise<KubeApiError> {
  const error = await run.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (error instanceof KubeApiError) return error;
  throw new Error(`expected a refusal of the API server, got ${String(error)}`);
}

function rawApply(
  bench: Bench,
  namespace: string,
  body: string,
  query = 'fieldValidation=Strict',
): ReturnType<Bench['raw']> {
  return bench.raw(
    'PATCH',
    `/api/v1/namespaces/${namespace}/configmaps/a?fieldManager=plumbline&${query}`,
    body,
    'application/apply-patch+yaml',
  );
}

const CANARY = 'canary-4f9d2c';

/** What is refused, and how it is said. */
export function validationChecks(check: Check): void {
  check('refuses unknown fields and names their paths', async (bench) => {
    const namespace = await bench.namespace();
    const error = await refusal(bench.apply(deployment(namespace, 'web', { replica: 1 })));
    expect(error).toMatchObject({
      code: 'PLB-6105',
      retry: 'never',
      reason: 'Invalid',
      causes: [{ reason: 'FieldUnknown', field: '.spec.replica', immutable: false }],
    });
    expect(error.message).toContain('.spec.replica');
    const deep = await refusal(bench.apply(deployment(namespace, 'web', {}, { imagePolicy: 'x' })));
    expect(deep.causes).toMatchObject([
      { reason: 'FieldUnknown', field: '.spec.template.spec.containers[name="app"].imagePolicy' },
    ]);
    expect(await bench.get(deployment(namespace, 'web'))).toBeUndefined();
    await expect(
      bench.client.create(await bench.resource('apps/v1', 'Deployment'), deployment(namespace, 'web', { replica: 1 })),
    ).rejects.toMatchObject({
      status: 400,
      code: 'PLB-6105',
      causes: [{ reason: 'FieldUnknown', field: 'spec.replica' }],
    });
  });

  check('refuses duplicate fields and names their paths', async (bench) => {
    const namespace = await bench.namespace();
    const answer = await rawApply(
      bench,
      namespace,
      `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  x: "1"\n  x: "2"\n`,
    );
    expect(answer.status).toBe(400);
    expect(answer.body.message).toMatch(/"x" already set|duplicate field/);
    const created = await bench.raw(
      'POST',
      `/api/v1/namespaces/${namespace}/configmaps?fieldValidation=Strict`,
      `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"x":"1","x":"2"}}`,
    );
    expect(created).toMatchObject({ status: 400 });
    expect(created.body.message).toContain('duplicate field "data.x"');
  });

  check('only warns of them, or says nothing, when asked to', async (bench) => {
    const namespace = await bench.namespace();
    const resource = await bench.resource('v1', 'ConfigMap');
    const odd = { ...configMap(namespace, 'a'), dada: {} };
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const warned = await bench.raw('POST', `${path}?fieldValidation=Warn`, JSON.stringify(odd));
    expect(warned.status).toBe(201);
    expect(warned.headers['warning']).toContain('unknown field');
    expect(warned.body.dada).toBeUndefined();
    const ignored = await bench.raw(
      'POST',
      `${path}?fieldValidation=Ignore`,
      JSON.stringify({ ...odd, metadata: { name: 'b' } }),
    );
    expect(ignored.headers['warning']).toBeUndefined();
    await expect(bench.client.replace(resource, odd)).rejects.toMatchObject({ status: 400 });
  });

  check(
    'refuses unknown fields in a server-side apply whatever the mode of validation, one of each map at a time, and applies what is left without them',
    async (bench) => {
      const namespace = await bench.namespace();
      const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
      const base = deployment(namespace, 'web');
      const odd = {
        ...deployment(namespace, 'web', { replica: 1, replicass: 2 }, { imagePolicy: 'x' }),
        metadata: { name: 'web', namespace, lables: {} },
      };
      for (const query of ['Strict', 'Warn', 'Ignore'].flatMap((mode) => [
        `fieldValidation=${mode}`,
        `fieldValidation=${mode}&dryRun=All`,
      ])) {
        const answer = await bench.raw(
          'PATCH',
          `${path}/web?fieldManager=plumbline&${query}`,
          JSON.stringify(odd),
          'application/apply-patch+yaml',
        );
        expect(answer.status).toBe(500);
        expect(answer.body.message).toMatch(/\.spec\.replica(ss)?: field not declared in schema/);
        expect(answer.body.message).toContain('.metadata.lables: field not declared in schema');
      }
      const { causes } = await refusal(bench.apply(odd));
      expect(
        causes.filter(({ reason, field }) => reason === 'FieldUnknown' && field.startsWith('.spec.replica')),
      ).toHaveLength(1);
      expect(await bench.get(base)).toBeUndefined();
      const created = await bench.raw(
        'POST',
        `${path}?fieldValidation=Ignore`,
        JSON.stringify({ ...odd, metadata: { ...odd.metadata, name: 'twin' } }),
      );
      expect((await bench.apply(base)).object['spec']).toEqual(created.body.spec);
    },
  );

  check('refuses values of the wrong type', async (bench) => {
    const namespace = await bench.namespace();
    const bad: [KubeObject, string][] = [
      [deployment(namespace, 'web', { replicas: 'three' }), '.spec.replicas'],
      [{ ...configMap(namespace, 'a'), data: { x: 1 } }, '.data.x'],
    ];
    for (const [object, field] of bad) {
      const error = await refusal(bench.apply(object));
      expect(error).toMatchObject({
        code: 'PLB-6105',
        retry: 'never',
        causes: [{ reason: 'FieldValueTypeInvalid', field }],
      });
      expect(await bench.get(object)).toBeUndefined();
      const created = await refusal(bench.client.create(await bench.resource(object.apiVersion, object.kind), object));
      expect(created).toMatchObject({ status: 400, code: 'PLB-6105' });
    }
    const quantity = await refusal(
      bench.apply(deployment(namespace, 'web', {}, { resources: { limits: { cpu: 'a lot' } } })),
    );
    expect(quantity).toMatchObject({ code: 'PLB-6105', retry: 'never' });
  });

  check('refuses invalid objects with one cause a field', async (bench) => {
    const namespace = await bench.namespace();
    const error = await refusal(
      bench.apply(deployment(namespace, 'web', { replicas: -1, selector: { matchLabels: { app: 'other' } } })),
    );
    expect(error).toMatchObject({ status: 422, reason: 'Invalid', code: 'PLB-6105', retry: 'never' });
    expect(error.causes.map(({ field }) => field)).toEqual(
      expect.arrayContaining(['spec.replicas', 'spec.template.metadata.labels']),
    );
    expect(error.message).toContain(`Deployment.apps ${namespace}/web`);
    const nameless = await refusal(
      bench.apply(
        deployment(namespace, 'web', { template: { metadata: { labels: { app: 'web' } }, spec: { containers: [] } } }),
      ),
    );
    expect(nameless.causes.map(({ field }) => field)).toContain('spec.template.spec.containers');
    expect(
      (await refusal(bench.apply(configMap(namespace, 'a', { 'not a key': 'x' })))).causes.map(({ field }) => field),
    ).toEqual(['data[not a key]']);
    expect(
      (await refusal(bench.apply(configMap(namespace, 'a', {}, { labels: { 'bad label!': 'x' } })))).causes.map(
        ({ field }) => field,
      ),
    ).toEqual(['metadata.labels']);
  });

  check('says of a broken Secret which field is wrong but never quotes a value', async (bench) => {
    const namespace = await bench.namespace();
    const broken = [
      secret(namespace, 's', { data: { password: `${CANARY}!!` } }),
      secret(namespace, 's', { data: { password: { nested: CANARY } } }),
      secret(namespace, 's', { type: 'kubernetes.io/tls', stringData: { 'tls.crt': CANARY } }),
      secret(namespace, 's', { data: { password: 'eA==' }, [CANARY.slice(0, 6)]: CANARY }),
    ];
    for (const object of broken) {
      const error = await refusal(bench.apply(object));
      expect(error.message).not.toContain(CANARY);
      expect(JSON.stringify(error.details)).not.toContain(CANARY);
    }
    const kept = await bench.apply(
      secret(namespace, 'fixed', { immutable: true, data: { password: Buffer.from('one').toString('base64') } }),
    );
    const error = await refusal(
      bench.apply(secret(namespace, 'fixed', { immutable: true, stringData: { password: CANARY } })),
    );
    expect(error).toMatchObject({
      status: 422,
      causes: [expect.objectContaining({ field: 'data', immutable: true, message: '' })],
    });
    expect(error.message).toContain('data: immutable');
    expect(JSON.stringify([error.message, error.details])).not.toMatch(
      new RegExp(`${CANARY}|${Buffer.from(CANARY).toString('base64')}`),
    );
    expect((await bench.get(kept.object))?.metadata.resourceVersion).toBe(kept.object.metadata.resourceVersion);
  });

  check('keeps immutable fields: ConfigMap, Deployment selector, roleRef, clusterIP', async (bench) => {
    const namespace = await bench.namespace();
    const binding = (name: string): KubeObject => ({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'b', namespace },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
      subjects: [],
    });
    const relabelled = deployment(namespace, 'web', {
      selector: { matchLabels: { app: 'new' } },
      template: { metadata: { labels: { app: 'new' } }, spec: { containers: [{ name: 'app', image: 'a' }] } },
    });
    const service = (spec: object): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace },
      spec: { ports: [{ port: 80 }], ...spec },
    });
    const address = String(dig((await bench.apply(service({}))).object, 'spec', 'clusterIP'));
    const other = address.replace(/\d+$/, (last) => String(((Number(last) + 7) % 250) + 1));
    const changes: [KubeObject, KubeObject, string][] = [
      [
        { ...configMap(namespace, 'c', { x: '1' }), immutable: true },
        { ...configMap(namespace, 'c', { x: '2' }), immutable: true },
        'data',
      ],
      [deployment(namespace, 'web'), relabelled, 'spec.selector'],
      [binding('one'), binding('two'), 'roleRef'],
      [service({}), service({ clusterIP: other }), 'spec.clusterIPs[0]'],
    ];
    for (const [before, after, field] of changes) {
      const { object } = await bench.apply(before);
      const error = await refusal(bench.apply(after));
      expect(error).toMatchObject({ status: 422, reason: 'Invalid' });
      expect(error.causes.filter(({ immutable }) => immutable).map((cause) => cause.field)).toContain(field);
      const live = await bench.get(before);
      expect(live?.metadata).toMatchObject({
        uid: object.metadata.uid,
        resourceVersion: object.metadata.resourceVersion,
      });
    }
  });

  check('keeps the template of a Job', async (bench) => {
    const namespace = await bench.namespace();
    const job = (image: string): KubeObject => ({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'j', namespace },
      spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image }] } } },
    });
    await bench.apply(job('a:1'));
    const error = await refusal(bench.apply(job('a:2')));
    expect(error.causes.filter(({ immutable }) => immutable).map(({ field }) => field)).toEqual(['spec.template']);
  });

  check('refuses an object of more than its limit', async (bench) => {
    const namespace = await bench.namespace();
    const error = await refusal(bench.apply(configMap(namespace, 'big', { x: 'x'.repeat(1_100_000) })));
    expect(error.status).toBeGreaterThanOrEqual(400);
    expect(error.message.length).toBeLessThan(5_000);
    await bench.apply(configMap(namespace, 'large', { x: 'x'.repeat(900_000) }));
  });
}
