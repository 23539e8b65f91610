// SPDX-License-Identifier: Apache-2.0
import { startKube } from '@plumbline/testkit';
import { describeWith } from '@plumbline/testkit/vitest';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { connectKube, type KubeMethod, type KubeTransport } from '@plumbline/kube';
import { SimulatedCluster } from './index.js';
import type { Obj, Value } from './value.js';

/** One request of a random history; the path is that of the object under test. */
interface Step {
  readonly method: KubeMethod;
  readonly suffix?: string;
  readonly query?: string;
  readonly contentType?: string;
  readonly body?: Value;
}

const APPLY = 'application/apply-patch+yaml';
const MERGE = 'application/merge-patch+json';

async function send(transport: KubeTransport, step: Step, path: string): Promise<unknown> {
  const response = await transport.request({
    method: step.method,
    path: `${path}${step.suffix ?? ''}${step.query ?? ''}`,
    headers: {
      accept: 'application/json',
      'content-type': step.contentType ?? 'application/json',
      'user-agent': 'edit/1',
    },
    ...(step.body === undefined ? {} : { body: JSON.stringify(step.body) }),
  });
  const text = (await response.text())
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'UID')
    .replaceAll(/"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"/g, '"TIME"')
    .replaceAll(/"resourceVersion":\s*"\d+"/g, '"resourceVersion":"RV"')
    .replaceAll(/"10\.\d+\.\d+\.\d+"/g, '"IP"');
  const body: unknown = text.startsWith('{') ? JSON.parse(text) : text;
  return { status: response.status, body: withoutOrder(body) };
}

/**
 * Where the order has no meaning (members of objects, owners of the same second, causes of a conflict) it is taken
 * out.
 */
function withoutOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutOrder);
  // Several findings in one message come in the order of a Go map.
  if (typeof value === 'string')
    return value.includes(' is invalid: [')
      ? value
          .split(/[[\]]|, (?=spec|status|metadata)/)
          .sort()
          .join('|')
      : value;
  if (typeof value !== 'object' || value === null) return value;
  // Empty labels show in the answer to the write that ends a custom resource, and nowhere else.
  const isLeftover = ([key, member]: [string, unknown]): boolean =>
    (key === 'labels' || key === 'annotations') && JSON.stringify(member) === '{}';
  const members = Object.entries(value)
    .filter((entry) => !isLeftover(entry))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(
    members.map(([key, member]) => [
      key,
      (key === 'managedFields' || key === 'causes') && Array.isArray(member)
        ? member.map((entry) => JSON.stringify(withoutOrder(entry))).sort()
        : withoutOrder(member),
    ]),
  );
}

const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: 2 });
const word = fc.constantFrom('x', 'y', 'z');
const stringMap = fc.dictionary(fc.constantFrom('a', 'b', 'c'), word, { maxKeys: 3 });
const defined = (fields: Readonly<Record<string, Value | undefined>>): Obj =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
const subset = <T extends Value>(...items: readonly T[]): fc.Arbitrary<readonly T[]> => fc.shuffledSubarray([...items]);

const metadata = fc.record({
  labels: maybe(stringMap),
  annotations: maybe(stringMap),
  finalizers: maybe(subset('a.b/c', 'a.b/d')),
});
const env = (name: string): fc.Arbitrary<Obj> => maybe(word).map((value) => defined({ name, value }));
const ports: readonly Obj[] = [
  { containerPort: 80 },
  { containerPort: 443, protocol: 'TCP', name: 'tls' },
  { containerPort: 53, protocol: 'UDP' },
];
const container = (name: string): fc.Arbitrary<Obj> =>
  fc
    .record({
      image: fc.constantFrom('i:1', 'i:2', 'i'),
      args: maybe(fc.array(word, { maxLength: 2 })),
      ports: maybe(subset(...ports)),
      env: maybe(fc.tuple(env('A'), env('B'), env('C')).chain((all) => subset(...all))),
      resources: maybe(
        fc.constantFrom<Value>(
          {},
          { limits: { cpu: '1000m' } },
          { limits: { cpu: '1', memory: '512Mi' }, requests: { cpu: '0.5' } },
        ),
      ),
    })
    .map((fields) => defined({ name, ...fields }));

const deploymentSpec = fc
  .record({
    replicas: fc.constantFrom<Value | undefined>(undefined, undefined, null, 0, 1, 3),
    paused: maybe(fc.boolean()),
    minReadySeconds: fc.constantFrom(undefined, 0, 5),
    strategy: maybe(
      fc.constantFrom<Value>(
        {},
        { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } },
        { type: 'Recreate', rollingUpdate: null },
      ),
    ),
    template: fc
      .record({
        labels: maybe(stringMap),
        containers: fc
          .tuple(container('app'), container('side'))
          .chain(([app, side]) => fc.constantFrom([app], [app, side], [side, app])),
        nodeSelector: maybe(stringMap),
        volumes: maybe(
          subset<Obj>({ name: 'v', emptyDir: {} }, { name: 'w', configMap: { name: 'c' } }, { name: 'n' }),
        ),
      })
      .map(({ labels, containers, nodeSelector, volumes }) => ({
        metadata: { labels: { app: 'app', ...labels } },
        spec: defined({ containers, nodeSelector, volumes }),
      })),
  })
  .map((fields) => defined({ selector: { matchLabels: { app: 'app' } }, ...fields }));

interface Kind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly path: string;
  readonly fields: fc.Arbitrary<Obj>;
  readonly status?: fc.Arbitrary<Obj>;
}

const condition = (type: string): fc.Arbitrary<Obj> =>
  fc
    .record({ status: fc.constantFrom('True', 'False'), reason: maybe(word) })
    .map((fields) => defined({ type, ...fields }));

const KINDS: readonly Kind[] = [
  {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    path: '/api/v1/namespaces/fuzz/configmaps',
    fields: fc
      .record({
        data: maybe(fc.oneof(stringMap, fc.constant(null))),
        immutable: fc.constantFrom(undefined, undefined, undefined, false),
      })
      .map(defined),
  },
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    path: '/apis/apps/v1/namespaces/fuzz/deployments',
    fields: deploymentSpec.map((spec) => ({ spec })),
    status: fc
      .record({
        replicas: fc.constantFrom(undefined, 0, 2),
        observedGeneration: fc.constantFrom(undefined, 1),
        conditions: maybe(fc.tuple(condition('Available'), condition('Progressing')).chain((all) => subset(...all))),
      })
      .map(defined),
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    path: '/api/v1/namespaces/fuzz/services',
    fields: fc
      .record({
        selector: maybe(stringMap),
        sessionAffinity: maybe(fc.constantFrom('None', 'ClientIP')),
        ports: subset<Obj>(
          { name: 'a', port: 80 },
          { name: 'b', port: 443, targetPort: 'tls' },
          { name: 'c', port: 53, protocol: 'UDP' },
        ).filter((list) => list.length > 0),
      })
      .map((fields) => ({ spec: defined(fields) })),
  },
  {
    apiVersion: 'fuzz.example.com/v1',
    kind: 'Thing',
    path: '/apis/fuzz.example.com/v1/namespaces/fuzz/things',
    fields: fc
      .record({
        size: fc.constantFrom<Value | undefined>(undefined, undefined, null, 0, 2),
        tags: maybe(subset('a', 'b', 'c')),
        plain: maybe(fc.array(word, { maxLength: 2 })),
        map: maybe(stringMap),
        atom: maybe(stringMap),
        free: maybe(fc.constantFrom<Value>({}, { a: 1 }, { a: { b: [1, { c: 2 }] } }, { a: { b: null, d: 'x' } })),
        items: maybe(
          subset<Obj>(
            { port: 1 },
            { port: 2, protocol: 'UDP', note: 'n' },
            { port: 1, protocol: 'UDP' },
            { port: 3, note: 'm' },
          ),
        ),
      })
      .map((fields) => ({ spec: defined(fields) })),
    status: fc
      .record({
        phase: maybe(word),
        conditions: maybe(fc.tuple(condition('Ready'), condition('Synced')).chain((all) => subset(...all))),
      })
      .map(defined),
  },
];

const template = fc
  .record({
    image: fc.constantFrom('i:1', 'i:2'),
    labels: maybe(stringMap),
    env: maybe(fc.tuple(env('A'), env('B')).chain((all) => subset(...all))),
  })
  .map(({ image, labels, env: variables }) => ({
    metadata: { labels: { app: 'app', ...labels } },
    spec: { containers: [defined({ name: 'app', image, env: variables })] },
  }));
const flag = fc.constantFrom(undefined, true, false);
const specOf = (fields: Readonly<Record<string, fc.Arbitrary<Value | undefined>>>): fc.Arbitrary<Obj> =>
  fc.record(fields).map((spec) => ({ spec: defined(spec) }));

// Quantities inside atomic lists are given as the server writes them: written otherwise, a PUT of the same amount
// counts as a change of the list there.
/** Kinds whose point is their defaults, their validation and what may not change. */
const MORE_KINDS: readonly Kind[] = [
  {
    apiVersion: 'v1',
    kind: 'Secret',
    path: '/api/v1/namespaces/fuzz/secrets',
    fields: fc
      .record({
        data: maybe(fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom('eA==', 'eQ=='), { minKeys: 1 })),
        stringData: maybe(stringMap),
        type: fc.constantFrom(undefined, undefined, 'Opaque', 'x/y'),
        immutable: fc.constantFrom(undefined, undefined, undefined, true),
      })
      .map(defined),
  },
  {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    path: '/apis/apps/v1/namespaces/fuzz/statefulsets',
    fields: specOf({
      selector: fc.constant({ matchLabels: { app: 'app' } }),
      template,
      serviceName: fc.constantFrom(undefined, 'svc', 'svc', 'other'),
      replicas: fc.constantFrom(undefined, 0, 3),
      updateStrategy: fc.constantFrom<Value | undefined>(
        undefined,
        { type: 'OnDelete' },
        { type: 'RollingUpdate', rollingUpdate: { partition: 1 } },
      ),
      volumeClaimTemplates: fc.constantFrom<Value | undefined>(undefined, undefined, [
        {
          metadata: { name: 'v' },
          spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
        },
      ]),
    }),
    status: fc
      .record({
        replicas: fc.constantFrom(0, 2),
        readyReplicas: fc.constantFrom(undefined, 1),
        observedGeneration: fc.constantFrom(undefined, 1),
      })
      .map(defined),
  },
  {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    path: '/apis/apps/v1/namespaces/fuzz/daemonsets',
    fields: specOf({
      selector: fc.constantFrom({ matchLabels: { app: 'app' } }),
      template,
      updateStrategy: fc.constantFrom<Value | undefined>(
        undefined,
        {},
        { type: 'OnDelete' },
        { rollingUpdate: { maxUnavailable: '10%' } },
      ),
    }),
  },
  {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    path: '/apis/batch/v1/namespaces/fuzz/cronjobs',
    fields: specOf({
      schedule: fc.constantFrom('* * * * *', '@daily', '5 4 * * 1'),
      suspend: flag,
      concurrencyPolicy: fc.constantFrom(undefined, 'Forbid'),
      jobTemplate: template.map((pod) => ({
        spec: { template: { ...pod, spec: { ...pod.spec, restartPolicy: 'Never' } } },
      })),
    }),
  },
  {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    path: '/apis/networking.k8s.io/v1/namespaces/fuzz/ingresses',
    fields: specOf({
      ingressClassName: fc.constantFrom(undefined, 'nginx'),
      defaultBackend: fc.constantFrom<Value | undefined>(
        undefined,
        { service: { name: 's', port: { number: 80 } } },
        { service: { name: 's' } },
      ),
      // Never empty: inside the server an empty list is not the same as none, and shows in messages and generations.
      rules: maybe(
        subset<Obj>(
          { host: 'a.b' },
          {
            host: 'c.d',
            http: {
              paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 's', port: { name: 'http' } } } }],
            },
          },
          {
            http: {
              paths: [{ path: 'x', pathType: 'Exact', backend: { service: { name: 's', port: { number: 1 } } } }],
            },
          },
        ).filter((list) => list.length > 0),
      ),
    }),
    status: fc.constantFrom<Obj>({}, { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } }),
  },
  {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    path: '/apis/policy/v1/namespaces/fuzz/poddisruptionbudgets',
    fields: specOf({
      minAvailable: fc.constantFrom(undefined, 0, 1, '50%'),
      selector: maybe(fc.constantFrom<Value>({}, { matchLabels: { a: 'b' } })),
    }),
  },
  {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    path: '/apis/networking.k8s.io/v1/namespaces/fuzz/networkpolicies',
    fields: specOf({
      podSelector: fc.constantFrom<Value>({}, { matchLabels: { a: 'b' } }),
      ingress: maybe(fc.constantFrom<Value>([{}], [{ ports: [{ port: 80 }, { port: 'dns', protocol: 'UDP' }] }])),
      egress: maybe(fc.constantFrom<Value>([{ to: [{ podSelector: {} }] }])),
    }),
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    path: '/apis/rbac.authorization.k8s.io/v1/namespaces/fuzz/rolebindings',
    fields: fc
      .record({
        roleRef: fc.constantFrom<Value>(
          { kind: 'Role', name: 'r' },
          { kind: 'Role', name: 'r', apiGroup: 'rbac.authorization.k8s.io' },
          { kind: 'ClusterRole', name: 'r' },
        ),
        subjects: maybe(
          subset<Obj>(
            { kind: 'User', name: 'u' },
            { kind: 'ServiceAccount', name: 's', namespace: 'n' },
            { kind: 'ServiceAccount', name: 's' },
          ),
        ),
      })
      .map(defined),
  },
  {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    path: '/apis/autoscaling/v2/namespaces/fuzz/horizontalpodautoscalers',
    fields: specOf({
      maxReplicas: fc.constantFrom(1, 5),
      minReplicas: fc.constantFrom(undefined, 1, 2),
      scaleTargetRef: fc.constant({ apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' }),
      metrics: maybe(
        fc.constantFrom<Value>([
          { type: 'Resource', resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '1Gi' } } },
        ]),
      ),
      behavior: maybe(fc.constantFrom<Value>({}, { scaleDown: { stabilizationWindowSeconds: 0 } })),
    }),
  },
];

const definition: Obj = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'things.fuzz.example.com' },
  spec: {
    group: 'fuzz.example.com',
    scope: 'Namespaced',
    names: { plural: 'things', kind: 'Thing' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: {
                  size: { type: 'integer', minimum: 0, default: 1 },
                  tags: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
                  plain: { type: 'array', items: { type: 'string' } },
                  map: { type: 'object', additionalProperties: { type: 'string' } },
                  atom: { type: 'object', additionalProperties: { type: 'string' }, 'x-kubernetes-map-type': 'atomic' },
                  free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
                  items: {
                    type: 'array',
                    'x-kubernetes-list-type': 'map',
                    'x-kubernetes-list-map-keys': ['port', 'protocol'],
                    items: {
                      type: 'object',
                      required: ['port'],
                      properties: {
                        port: { type: 'integer' },
                        protocol: { type: 'string', default: 'TCP' },
                        note: { type: 'string' },
                      },
                    },
                  },
                },
              },
              status: {
                type: 'object',
                properties: {
                  phase: { type: 'string' },
                  conditions: {
                    type: 'array',
                    'x-kubernetes-list-type': 'map',
                    'x-kubernetes-list-map-keys': ['type'],
                    items: {
                      type: 'object',
                      required: ['type'],
                      properties: { type: { type: 'string' }, status: { type: 'string' }, reason: { type: 'string' } },
                    },
                  },
                },
              },
            },
          },
        },
      },
    ],
  },
};

function steps(kind: Kind, name: string): fc.Arbitrary<readonly Step[]> {
  const { apiVersion } = kind;
  const whole = fc
    .tuple(metadata, kind.fields)
    .map(([meta, fields]): Obj => ({ apiVersion, kind: kind.kind, metadata: defined({ name, ...meta }), ...fields }));
  const applied = fc
    .tuple(whole, fc.constantFrom('one', 'two', 'three'), fc.boolean(), fc.constantFrom('', '', '', '&dryRun=All'))
    .map(([body, manager, force, dryRun]): Step => ({
      method: 'PATCH',
      contentType: APPLY,
      query: `?fieldManager=${manager}&fieldValidation=Strict${force ? '&force=true' : ''}${dryRun}`,
      body,
    }));
  const edited = fc.tuple(metadata, kind.fields).map(([meta, fields]): Step => ({
    method: 'PATCH',
    contentType: MERGE,
    body: { metadata: defined(meta), ...fields },
  }));
  const replaced = whole.map((body): Step => ({ method: 'PUT', body }));
  const deleted = fc.constant<Step>({ method: 'DELETE', body: { propagationPolicy: 'Background' } });
  const freed = fc.constant<Step>({ method: 'PATCH', contentType: MERGE, body: { metadata: { finalizers: null } } });
  const choices: fc.WeightedArbitrary<Step>[] = [
    { arbitrary: applied, weight: 6 },
    { arbitrary: edited, weight: 2 },
    { arbitrary: deleted, weight: 1 },
    { arbitrary: freed, weight: 1 },
  ];
  // A PUT of some kinds must carry a resourceVersion, which no generator knows.
  if (kind.kind !== 'Thing' && kind.kind !== 'PodDisruptionBudget') choices.push({ arbitrary: replaced, weight: 1 });
  if (kind.status !== undefined) {
    const patched = kind.status.map((status): Step => ({
      method: 'PATCH',
      suffix: '/status',
      contentType: MERGE,
      body: { status },
    }));
    const claimed = kind.status.map((status): Step => ({
      method: 'PATCH',
      suffix: '/status',
      contentType: APPLY,
      query: '?fieldManager=controller&force=true',
      body: { apiVersion, kind: kind.kind, metadata: { name }, status },
    }));
    choices.push({ arbitrary: fc.oneof(patched, claimed), weight: 2 });
  }
  return fc.array(fc.oneof(...choices), { minLength: 2, maxLength: 12 });
}

describeWith('kube', 'the simulated cluster beside a real API server', () => {
  let server: Awaited<ReturnType<typeof startKube>>;
  let real: KubeTransport;
  const cluster = new SimulatedCluster({ name: 'fuzz' });
  const simulated = cluster.transport();

  beforeAll(async () => {
    // Every history leaves a service behind, so the usual 254 addresses would not do.
    server = await startKube({ apiServerFlags: { 'service-cluster-ip-range': '10.0.0.0/16' } });
    real = await connectKube({ kubeconfig: { path: server.kubeconfigPath } });
    for (const transport of [real, simulated]) {
      await send(
        transport,
        { method: 'POST', body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'fuzz' } } },
        '/api/v1/namespaces',
      );
      await send(
        transport,
        { method: 'POST', body: definition },
        '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
      );
      await vi.waitFor(
        async () =>
          expect(
            await send(transport, { method: 'GET' }, '/apis/fuzz.example.com/v1/namespaces/fuzz/things'),
          ).toMatchObject({ status: 200 }),
        { timeout: 60_000, interval: 50 },
      );
    }
  });
  afterAll(async () => {
    await cluster.close();
    await real?.close();
    await server?.[Symbol.asyncDispose]();
  });

  let objects = 0;
  test.each([...KINDS, ...MORE_KINDS].map((kind) => [kind.kind, kind] as const))(
    'answers random histories of a %s word for word',
    async (_, kind) => {
      await fc.assert(
        fc.asyncProperty(steps(kind, 'subject'), async (history) => {
          // A fresh name for each history, shrunk ones included.
          const name = `subject-${++objects}`;
          for (const step of history) {
            const renamed: Step = JSON.parse(JSON.stringify(step).replaceAll('"name":"subject"', `"name":"${name}"`));
            const path = step.method === 'POST' ? kind.path : `${kind.path}/${name}`;
            const [expected, actual] = [await send(real, renamed, path), await send(simulated, renamed, path)];
            expect(
              actual,
              `${renamed.method} ${renamed.suffix ?? ''}${renamed.query ?? ''} ${JSON.stringify(renamed.body)}`,
            ).toEqual(expected);
          }
        }),
        { numRuns: 50, interruptAfterTimeLimit: 40_000, markInterruptAsFailure: false },
      );
    },
  );
});
