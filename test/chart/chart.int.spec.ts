// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startKube } from '@plumbline/testkit';
import { describeWith } from '@plumbline/testkit/vitest';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { helm } from './helm.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const chart = join(root, 'deploy/helm/plumbline');
const REQUIRED = ['--set', 'database.existingSecret=db,nats.url=nats://nats:4222,keys.existingSecret=keys'];
const EVERYTHING = [
  ...REQUIRED,
  '--set',
  'gateway.ingress.enabled=true,gateway.ingress.host=plumbline.example.com,gateway.webhookSecret=hooks,gateway.bootstrapTokenSecret=first',
  '--set',
  'nats.credentialsPerService=true,nats.tlsSecret=nats-tls,nats.clientCertificate=true,gateway.subscriptionHosts={hooks.example.com,*.example.org},gateway.subscriptionSecrets={chat}',
  '--set',
  'nats.credentialsSecret=creds,applier.kubeconfigSecrets={east},watcher.credentialsSecrets={git},telemetry.otlpUrl=http://otel:4317',
  '--set-json',
  'applier.rbac.rules=[{"apiGroups":[""],"resources":["configmaps"],"verbs":["get","list","watch","patch"]}]',
];

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: {
    readonly template?: {
      readonly spec: {
        readonly containers: readonly {
          readonly command: readonly string[];
          readonly env: readonly { readonly name: string; readonly value?: string }[];
        }[];
      };
    };
  };
}

async function render(values: readonly string[]): Promise<readonly Manifest[]> {
  const { exitCode, output } = await helm('template', 'plumbline', chart, '--namespace', 'plumbline', ...values);
  expect(output).not.toMatch(/^Error/m);
  expect(exitCode).toBe(0);
  return parseAllDocuments(output)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null);
}

/** Names that the configuration schemas of the code know. */
function knownSettings(): ReadonlySet<string> {
  const names = new Set<string>();
  for (const group of ['services', 'libs']) {
    for (const file of readdirSync(join(root, group), { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.config.ts') || file.includes('node_modules') || file.includes('dist')) continue;
      for (const [name] of readFileSync(join(root, group, file), 'utf8').matchAll(/PLUMBLINE_[A-Z0-9_]+/g))
        names.add(name);
    }
  }
  return names;
}

describe('the chart', () => {
  it('passes helm lint, and refuses values that are missing, misspelt or wrong', async () => {
    expect((await helm('lint', chart, ...REQUIRED)).output).toMatch(/0 chart\(s\) failed/);
    for (const [values, message] of [
      [[], /nats\/url/],
      [[...REQUIRED, '--set', 'gateway.replica=3'], /replica/],
      [[...REQUIRED, '--set', 'logging.level=loud'], /logging\/level/],
      [[...REQUIRED, '--set', 'gateway.ingress.enabled=true'], /ingress\/host/],
    ] as const) {
      const { exitCode, output } = await helm('template', 'x', chart, ...values);
      expect(exitCode, values.join(' ')).not.toBe(0);
      expect(output).toMatch(message);
    }
  });

  it('documents every value and gives every value a schema', () => {
    const values = readFileSync(join(chart, 'values.yaml'), 'utf8');
    const documented = [...values.matchAll(/## @param (\S+) \S/g)].map(([, name]) => name);
    const leaves = leavesOf(parseAllDocuments(values)[0]?.toJS());
    expect(documented.sort()).toEqual(leaves.sort());
  });

  it('lets every service find each replica of the log by name', async () => {
    for (const [replicas, tls] of [
      [1, true],
      [3, true],
      [1, false],
    ] as const) {
      const values = `audit.replicas=${replicas},tls.enabled=${tls}`;
      const manifests = await render([...REQUIRED, '--set', values]);
      const audit = manifests.find(
        ({ kind, metadata }) => kind === 'StatefulSet' && metadata.name === 'plumbline-audit',
      );
      expect(audit?.spec).toMatchObject({ replicas, serviceName: 'plumbline-audit' });
      expect(manifests).toContainEqual(
        expect.objectContaining({
          kind: 'Service',
          metadata: expect.objectContaining({ name: 'plumbline-audit' }),
          spec: expect.objectContaining({ clusterIP: 'None', publishNotReadyAddresses: true }),
        }),
      );
      const hosts = Array.from(
        { length: replicas },
        (_, index) => `plumbline-audit-${index}.plumbline-audit.plumbline.svc:7070`,
      );
      const urls = manifests
        .flatMap(({ spec }) => spec?.template?.spec.containers ?? [])
        .flatMap(({ env }) => env.filter(({ name, value }) => name === 'PLUMBLINE_LOG_URL' && value !== undefined));
      expect(urls.map(({ value }) => value)).toEqual(
        Array.from({ length: 5 }, () => `${tls ? 'grpcs' : 'grpc'}://${hosts.join(',')}`),
      );
      expect(
        manifests.filter(({ kind }) => kind === 'PodDisruptionBudget').map(({ metadata }) => metadata.name),
      ).toEqual(replicas === 1 ? ['plumbline-gateway'] : ['plumbline-gateway', 'plumbline-audit']);
    }
  });

  it('gives each service its own credential, audit alone the keys of the log, and no pod another database than its own', async () => {
    const containers = (await render(REQUIRED)).flatMap(({ spec }) => spec?.template?.spec.containers ?? []);
    const valueOf = (service: string, setting: string): unknown => {
      const container = containers.find(({ command }) => command[1]?.startsWith(`services/${service}/`));
      const entry = container?.env.find(({ name }) => name === setting);
      return entry?.value ?? entry;
    };
    for (const service of ['applier', 'gateway', 'policy', 'renderer', 'watcher']) {
      expect(valueOf(service, 'PLUMBLINE_LOG_CREDENTIAL_FILE')).toBe(`/etc/plumbline/log/${service}.credential`);
      expect(valueOf(service, 'PLUMBLINE_LOG_SERVICES_KEY_FILE')).toBeUndefined();
      expect(valueOf(service, 'PLUMBLINE_OBJECT_STORE_URL')).toMatchObject({
        valueFrom: { secretKeyRef: { key: 'object-store-url' } },
      });
    }
    expect(valueOf('audit', 'PLUMBLINE_LOG_SERVICES_KEY_FILE')).toBe('/etc/plumbline/log/services.pub');
    expect(valueOf('audit', 'PLUMBLINE_LOG_URL')).toMatchObject({ valueFrom: { secretKeyRef: { key: 'url' } } });
    expect(valueOf('audit', 'PLUMBLINE_AUDIT_GRPC_CERT_FILE')).toBe('/etc/plumbline/tls/log.crt');
  });

  it('runs each service once, with settings that the services know', async () => {
    const known = knownSettings();
    const containers = (await render(EVERYTHING)).flatMap(({ spec }) => spec?.template?.spec.containers ?? []);
    expect(containers.map(({ command }) => command[1]).sort()).toEqual(
      ['applier', 'audit', 'gateway', 'policy', 'renderer', 'watcher'].map((name) => `services/${name}/dist/main.js`),
    );
    for (const { command, env } of containers) {
      for (const { name } of env)
        expect(known.has(name), `${command[1]}: ${name} is not a setting of the code`).toBe(true);
    }
    const settings = (service: string): Readonly<Record<string, string | undefined>> =>
      Object.fromEntries(
        containers
          .find(({ command }) => command[1]?.includes(`/${service}/`))
          ?.env.map(({ name, value }) => [name, value]) ?? [],
      );
    expect(settings('gateway')).toMatchObject({
      PLUMBLINE_GATEWAY_SUBSCRIPTION_HOSTS: 'hooks.example.com,*.example.org',
    });
    for (const service of ['audit', 'gateway'])
      expect(settings(service)).toMatchObject({
        PLUMBLINE_NATS_CREDENTIALS_FILE: `/etc/plumbline/nats/${service}.creds`,
        PLUMBLINE_NATS_CA_FILE: '/etc/plumbline/nats-tls/ca.crt',
        PLUMBLINE_LOG_PUBLIC_KEY_FILE: '/etc/plumbline/log/log.pub',
      });
  });
});

function leavesOf(value: unknown, path = ''): string[] {
  if (
    typeof value !== 'object' ||
    value === null ||
    Array.isArray(value) ||
    Object.keys(value).length === 0 ||
    path.endsWith('.resources')
  )
    return [path];
  return Object.entries(value).flatMap(([key, child]) => leavesOf(child, path === '' ? key : `${path}.${key}`));
}

describeWith('kube', 'the chart on a real API server', () => {
  it('is accepted whole by a server-side dry-run with strict validation', async () => {
    await using kube = await startKube();
    await kube.request('POST', '/api/v1/namespaces', {
      body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'plumbline' } },
    });
    for (const values of [REQUIRED, EVERYTHING]) {
      for (const manifest of await render(values)) {
        const path = await pathOf(kube, manifest);
        const { status, body } = await kube.request(
          'PATCH',
          `${path}?fieldManager=test&fieldValidation=Strict&dryRun=All`,
          { body: manifest, contentType: 'application/apply-patch+yaml' },
        );
        expect(
          [200, 201],
          `${manifest.kind} ${manifest.metadata.name}: ${JSON.stringify(body).slice(0, 500)}`,
        ).toContain(status);
      }
    }
  });
});

async function pathOf(
  kube: Awaited<ReturnType<typeof startKube>>,
  { apiVersion, kind, metadata }: Manifest,
): Promise<string> {
  const base = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const { body } = await kube.request('GET', base);
  const resource = body.resources.find(
    (candidate: { kind: string; name: string }) => candidate.kind === kind && !candidate.name.includes('/'),
  );
  expect(resource, `${apiVersion} ${kind}`).toBeDefined();
  return `${base}${resource.namespaced ? '/namespaces/plumbline' : ''}/${resource.name}/${metadata.name}`;
}
