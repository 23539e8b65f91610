// SPDX-License-Identifier: Apache-2.0
import { createPublicKey } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApplicationId, canonicalJson, Digest, StreamName, uuidv7 } from '@plumbline/core';
import { createTestLog, type TestLog } from '@plumbline/audit/testing';
import { applicationSpec, type NewEvent, type RecordedEvent, type ServiceName } from '@plumbline/events';
import { buildObjectSet, generateReleaseKeys, verifyRelease } from '@plumbline/manifest';
import { MemoryObjectStore } from '@plumbline/object-store/memory';
import { startTestService, type TestService } from '@plumbline/platform/testing';
import { describeWith } from '@plumbline/testkit/vitest';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { commitBy } from './domain/history.fixture.js';
import { PolicyModule } from './policy.module.js';
import { PolicyService } from './policy.service.js';

const APP = ApplicationId.parse('web');
const digest = `sha256:${'b'.repeat(64)}`;
const set = buildObjectSet([{ key: '/ConfigMap/web/a', apiVersion: 'v1', digest: digest as never }]);
const forbidden = buildObjectSet([
  {
    key: 'rbac.authorization.k8s.io/ClusterRoleBinding//a',
    apiVersion: 'rbac.authorization.k8s.io/v1',
    digest: digest as never,
  },
]);

describeWith('postgres:embedded18', 'the policy service on a real log', () => {
  const keys = generateReleaseKeys();
  let dir: string;
  let test: TestLog;
  let objects: MemoryObjectStore;
  let running: TestService[];

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'policy-'));
    writeFileSync(join(dir, 'release.key'), keys.privateKeyPem);
    test = await createTestLog();
    objects = new MemoryObjectStore();
    await objects.put([set, forbidden]);
    running = [];
  });

  afterEach(async () => {
    for (const service of running) await service.stop();
    await test[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true });
  });

  async function start(): Promise<TestService> {
    const service = await startTestService({
      module: PolicyModule,
      name: 'policy',
      log: test.log,
      objects,
      settings: { PLUMBLINE_POLICY_SIGNING_KEY_FILE: join(dir, 'release.key'), PLUMBLINE_DATA_DIR: dir },
    });
    running.push(service);
    // No transport is part of this spec: the log is read after each commit.
    test.log.onCommitted(() => service.reactor.checkLog());
    return service;
  }

  async function append(service: ServiceName, stream: string, event: NewEvent): Promise<RecordedEvent> {
    const result = await test.log.append({
      requestId: uuidv7(Date.now()),
      actor:
        service === 'gateway'
          ? { kind: 'user', id: 'tok-anna', name: 'anna' }
          : { kind: 'service', id: service, name: service },
      service,
      items: [{ stream, expected: { type: 'any' }, events: [event] }],
    });
    const [event0] = (await test.log.read({ from: result.firstPosition, limit: 1 })).events;
    if (event0 === undefined) throw new Error('the event is not readable');
    return event0;
  }

  async function declared(approvals: number): Promise<void> {
    await append('gateway', StreamName.cluster('east'), {
      type: 'ClusterDeclared',
      data: { name: 'east', labels: {}, spec: { simulated: {} } },
    });
    const environment = {
      name: 'staging',
      clusters: { names: ['east'] },
      ...(approvals === 0 ? {} : { approvals: { required: approvals } }),
    };
    await append('gateway', StreamName.application(APP), {
      type: 'ApplicationDeclared',
      data: {
        application: APP,
        labels: {},
        spec: applicationSpec.parse({ repository: 'shop', environments: [environment] }),
      },
    });
  }

  async function rendered(version: number, renderDigest: string = set.digest): Promise<RecordedEvent> {
    return append('renderer', StreamName.version(APP, version), {
      type: 'VersionRendered',
      data: {
        application: APP,
        environment: 'staging',
        version,
        repository: 'shop',
        revision: 'c'.repeat(40),
        commit: commitBy('dana@example.com'),
        inputDigest: digest,
        renderDigest,
        sourcesDigest: digest,
        renderer: 'plain',
        objectCount: 1,
        createNamespace: true,
      },
    });
  }

  async function when(type: RecordedEvent['type']): Promise<RecordedEvent> {
    const { promise: committed, resolve } = Promise.withResolvers<undefined>();
    const off = test.log.onCommitted(() => resolve(undefined));
    const { events } = await test.log.read({ from: 0 });
    const found = events.find((event) => event.type === type);
    if (found === undefined) await committed;
    off();
    return found ?? when(type);
  }

  it('releases what nothing objects to, in one append, signed over exactly what it says', async () => {
    const service = await start();
    await declared(0);
    const version = await rendered(1);
    const released = await when('VersionReleased');
    if (released.type !== 'VersionReleased') throw new Error('unexpected');
    const evaluated = (await test.log.readStream(StreamName.version(APP, 1))).map(({ type, position }) => [
      type,
      position,
    ]);
    expect(evaluated).toEqual([
      ['VersionRendered', version.position],
      ['PolicyEvaluated', version.position + 1],
      ['VersionReleased', version.position + 2],
    ]);
    expect(released).toMatchObject({
      causationId: version.id,
      correlationId: version.correlationId,
      actor: { id: 'policy' },
    });
    await service.reactor.catchUp();
    expect(await service.metrics.valueOf('plumbline_policy_evaluations_total', { result: 'allowed' })).toBe(1);
    expect(service.spans.map((span) => [span.name, span.spanContext().traceId])).toContainEqual([
      'evaluate',
      version.correlationId.replaceAll('-', ''),
    ]);
    const publicKey = createPublicKey(keys.publicKeyPem);
    expect(verifyRelease(released.data, released.data, [publicKey])).toBe(true);
    expect(verifyRelease({ ...released.data, clusters: ['east', 'west'] }, released.data, [publicKey])).toBe(false);
  });

  it('blocks a forbidden kind with the object named', async () => {
    await start();
    await append('gateway', StreamName.project('default'), {
      type: 'ProjectDeclared',
      data: {
        name: 'default',
        labels: {},
        spec: { repositories: ['*'], clusters: ['*'], namespaces: ['*'], forbiddenKinds: ['ClusterRoleBinding'] },
      },
    });
    await declared(0);
    await rendered(1, forbidden.digest);
    expect(await when('VersionBlocked')).toMatchObject({
      data: { reason: 'PolicyDenied', message: expect.stringContaining('ClusterRoleBinding//a') as string },
    });
  });

  it('blocks what the schema of a cluster refuses, and releases it when the cluster knows better', async () => {
    await start();
    const put = async (value: object): Promise<Digest> => {
      const content = canonicalJson(value);
      await objects.put([{ digest: Digest.of(content), content }]);
      return Digest.of(content);
    };
    const connected = async (spec: object): Promise<void> => {
      const schema = await put({
        root: { properties: { apiVersion: 'string', kind: 'string', metadata: 'any', spec } },
        types: [],
      });
      const apisDigest = await put({
        resources: [
          { group: 'example.org', version: 'v1', kind: 'Widget', plural: 'widgets', namespaced: true, schema },
        ],
      });
      await append('applier', StreamName.cluster('east'), {
        type: 'ClusterConnected',
        data: { cluster: 'east', uid: 'u', kubernetesVersion: 'v1.35.4', apisDigest },
      });
    };
    await declared(0);
    await connected({ properties: { size: 'integer' } });
    const widget = await put({
      apiVersion: 'example.org/v1',
      kind: 'Widget',
      metadata: { name: 'w', namespace: 'web' },
      spec: { size: 1, color: 'red' },
    });
    const widgets = buildObjectSet([{ key: 'example.org/Widget/web/w', apiVersion: 'example.org/v1', digest: widget }]);
    await objects.put([widgets]);
    await rendered(1, widgets.digest);
    expect(await when('VersionBlocked')).toMatchObject({
      data: {
        reason: 'PolicyDenied',
        message: 'schema: example.org/Widget/web/w: spec.color is not a field of this kind (cluster "east")',
      },
    });
    await connected({ properties: { size: 'integer', color: 'string' } });
    expect(await when('VersionReleased')).toMatchObject({ data: { version: 1, clusters: ['east'] } });
  });

  it('answers an approval that was submitted while it was not running, once, also after further restarts', async () => {
    const first = await start();
    await declared(1);
    await rendered(1);
    await when('ApprovalRequested');
    await first.stop();
    const submission = await append('gateway', StreamName.version(APP, 1), {
      type: 'ApprovalSubmitted',
      data: { application: APP, environment: 'staging', version: 1, verdict: 'Approve', renderDigest: set.digest },
    });
    const second = await start();
    const released = await when('VersionReleased');
    expect(released).toMatchObject({
      causationId: submission.id,
      data: { kind: 'Approved', approvals: [submission.id] },
    });
    await second.stop();
    const head = await test.log.head();
    const third = await start();
    expect(await third.metrics.valueOf('plumbline_reactor_snapshots_total', { result: 'restored' })).toBe(1);
    await third.app.get(PolicyService, { strict: false }).whenIdle();
    expect(await test.log.head()).toBe(head);
  });
});
