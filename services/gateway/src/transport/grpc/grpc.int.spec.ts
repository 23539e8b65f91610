// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  type CallOptions,
  type Client,
  credentials,
  loadPackageDefinition,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import type { JsonObject } from '@bufbuild/protobuf';
import { loadSync } from '@grpc/proto-loader';
import { protoPath } from 'grpc-health-check';
import { describe, expect, it } from 'vitest';
import { Digest } from '@plumbline/core';
import { clientOf, type GatewayUnderTest, startGateway } from '../../testing/gateway.fixture.js';
import { nextEvent, released, rendered, resources, storeRendered, synced } from '../../testing/story.fixture.js';
import {
  ApplicationsClient,
  ApprovalsClient,
  AuditClient,
  ClustersClient,
  EventsClient,
  type ReadEventsRequest,
  type ReadEventsResponse,
  RepositoriesClient,
  ResourcesClient,
  type StreamEventsResponse,
  SubscriptionsClient,
  TargetsClient,
  VersionsClient,
} from '../../testing/grpc-clients.fixture.js';
import path from 'node:path';

type Unary<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: Response) => void,
) => unknown;

function call<Request, Response>(
  client: Client,
  method: Unary<Request, Response>,
  request: Request,
  token: string,
): Promise<Response> {
  const metadata = new Metadata();
  if (token !== '') metadata.set('authorization', `Bearer ${token}`);
  return new Promise(
    (resolve, reject) =>
      void method.call(client, request, metadata, {}, (error, response) =>
        error === null ? resolve(response) : reject(error),
      ),
  );
}

async function refusal(promise: Promise<unknown>): Promise<readonly [status | undefined, unknown]> {
  return promise.then(
    () => [undefined, 'no error'] as const,
    (error: ServiceError) => [error.code, error.metadata.get('plumbline-code')[0]] as const,
  );
}

/** Connects a client of each service; all are closed with the gateway. */
async function connected(source: Readonly<Record<string, string>> = {}): Promise<
  {
    readonly gateway: GatewayUnderTest;
    readonly connect: <C extends Client>(
      type: new (address: string, given: ReturnType<typeof credentials.createInsecure>) => C,
    ) => C;
  } & AsyncDisposable
> {
  const gateway = await startGateway({ source });
  const clients: Client[] = [];
  return {
    gateway,
    connect: (Type) => {
      const client = new Type(gateway.grpcAddress, credentials.createInsecure());
      clients.push(client);
      return client;
    },
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) client.close();
      await gateway[Symbol.asyncDispose]();
    },
  };
}

const asMessages = (): {
  apiVersion: string;
  kind: string;
  metadata: { name: string; project: undefined; labels: Record<string, string> };
  spec: JsonObject;
}[] =>
  resources.map(({ apiVersion, kind, metadata, spec }) => ({
    apiVersion,
    kind,
    metadata: { name: metadata.name, project: undefined, labels: 'labels' in metadata ? { ...metadata.labels } : {} },
    spec: structuredClone(spec) as JsonObject,
  }));
const page = { limit: 0, cursor: '', minPosition: undefined };

describe('gRPC', () => {
  it('declares resources and shows them as REST does', async () => {
    await using test = await connected();
    const { gateway, connect } = test;
    const resourcesClient = connect(ResourcesClient);
    const applied = await call(
      resourcesClient,
      resourcesClient.applyResources,
      { resources: asMessages(), pruneLabels: {}, dryRun: false },
      gateway.adminToken,
    );
    expect(applied.resources.map(({ action }) => action)).toEqual(['created', 'created', 'created', 'created']);
    const repeated = await call(
      resourcesClient,
      resourcesClient.applyResources,
      { resources: asMessages(), pruneLabels: {}, dryRun: false },
      gateway.adminToken,
    );
    expect(repeated.resources.every(({ action }) => action === 'unchanged')).toBe(true);
    for (const environment of ['staging', 'production'])
      await rendered(
        gateway,
        environment,
        1,
        environment === 'staging'
          ? await storeRendered(gateway, [
              { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { b: 'c' } },
            ])
          : undefined,
      );
    await released(gateway, 'staging', 1);
    await synced(gateway, 'staging', 1);
    const applications = connect(ApplicationsClient);
    const { items } = await call(
      applications,
      applications.listApplications,
      { page, project: '' },
      gateway.adminToken,
    );
    expect(items).toMatchObject([
      {
        id: 'default/web',
        spec: { repository: 'shop' },
        latestVersion: 1,
        summary: { environments: [{ name: 'staging', sync: { state: 'Synced' } }, { name: 'production' }] },
      },
    ]);
    const shown = await call(
      applications,
      applications.getApplicationStatus,
      { application: 'web', minPosition: undefined },
      gateway.adminToken,
    );
    expect(shown.environments[0]).toMatchObject({
      released: { version: 1, commit: { author: { email: 'anna@example.com' } } },
      targets: [{ cluster: 'eu-1', lastSync: { changes: { counts: { Created: 1 } } } }],
    });
    const clusters = connect(ClustersClient);
    expect(
      await call(clusters, clusters.listClusters, { page: { ...page, limit: 1 } }, gateway.adminToken),
    ).toMatchObject({
      items: [{ name: 'eu-1', labels: { tier: 'staging' } }],
      page: { cursor: expect.stringMatching(/./) },
    });
    expect(
      (await call(clusters, clusters.getCluster, { name: 'eu-2', minPosition: undefined }, gateway.adminToken)).cluster,
    ).toMatchObject({ spec: { inCluster: {} } });
    const repositories = connect(RepositoriesClient);
    expect((await call(repositories, repositories.listRepositories, { page }, gateway.adminToken)).items).toHaveLength(
      1,
    );
    expect(
      (
        await call(
          repositories,
          repositories.getRepository,
          { name: 'shop', minPosition: undefined },
          gateway.adminToken,
        )
      ).repository?.connection?.state,
    ).toBe('Unknown');
    expect(
      (await call(resourcesClient, resourcesClient.listProjects, { page }, gateway.adminToken)).items[0]?.name,
    ).toBe('default');
    const targets = connect(TargetsClient);
    expect(
      (
        await call(
          targets,
          targets.listTargets,
          { page, application: 'web', environment: undefined, cluster: undefined },
          gateway.adminToken,
        )
      ).items,
    ).toHaveLength(1);
    const versions = connect(VersionsClient);
    expect(
      (
        await call(
          versions,
          versions.listVersions,
          { page, application: 'web', environment: undefined },
          gateway.adminToken,
        )
      ).items,
    ).toHaveLength(2);
    expect(
      (
        await call(
          versions,
          versions.getVersion,
          { application: 'web', version: 1, minPosition: undefined },
          gateway.adminToken,
        )
      ).items,
    ).toHaveLength(2);
    expect(
      (await call(versions, versions.getHistory, { page, application: 'web' }, gateway.adminToken)).items[0]
        ?.environments[0]?.outcomes[0],
    ).toMatchObject({ result: 'Succeeded', counts: { Created: 1 } });
    const diff = await call(
      versions,
      versions.diffVersions,
      { application: 'web', environment: 'staging', from: 0, to: 1 },
      gateway.adminToken,
    );
    expect(diff.environments[0]?.objects[0]).toMatchObject({
      key: '/ConfigMap//a',
      change: 'Added',
      fields: [{ op: 'add', toJson: expect.stringContaining('"b":"c"') }],
    });
    const audit = connect(AuditClient);
    const found = await call(
      audit,
      audit.queryAudit,
      {
        actor: undefined,
        type: 'ClusterDeclared',
        application: undefined,
        environment: undefined,
        cluster: undefined,
        correlationId: undefined,
        since: undefined,
        until: undefined,
        ascending: true,
        limit: 0,
        cursor: undefined,
      },
      gateway.adminToken,
    );
    expect(found.events).toMatchObject([
      { type: 'ClusterDeclared', data: { name: 'eu-1' } },
      { data: { name: 'eu-2' } },
    ]);
  });

  it('reads events and searches them, now and as of the past', async () => {
    await using test = await connected();
    const { gateway, connect } = test;
    const admin = clientOf(gateway);
    const { position } = await admin.apply({ resources });
    await rendered(gateway, 'staging', 1);
    const events = connect(EventsClient);
    const read = async (given: Partial<ReadEventsRequest>): Promise<ReadEventsResponse> =>
      call(events, events.readEvents, { limit: 0, types: [], ...given }, gateway.adminToken);
    expect(await read({ types: ['VersionRendered', 'ClusterDeclared'], limit: 2 })).toMatchObject({
      events: [{ data: { name: 'eu-1' } }, { data: { name: 'eu-2' } }],
      head: position + 1,
    });
    expect(await read({ after: position })).toMatchObject({
      events: [{ type: 'VersionRendered', position: position + 1 }],
      after: position + 1,
    });
    expect(await read({ after: position, asOf: String(position) })).toMatchObject({
      events: [],
      after: position,
      head: position,
    });
    expect(await refusal(read({ knownAt: 'then' }))).toEqual([status.INVALID_ARGUMENT, 'PLB-1701']);
    const audit = connect(AuditClient);
    const search = { ascending: false, limit: 1 };
    expect((await call(audit, audit.queryAudit, search, gateway.adminToken)).events).toMatchObject([
      { type: 'VersionRendered' },
    ]);
    const past = await call(audit, audit.queryAudit, { ...search, asOf: String(position) }, gateway.adminToken);
    expect(past.events).toMatchObject([{ type: 'ApplicationDeclared', position }]);
    expect(
      (
        await call(
          audit,
          audit.queryAudit,
          { ...search, asOf: String(position), cursor: past.cursor },
          gateway.adminToken,
        )
      ).events,
    ).toMatchObject([{ position: position - 1 }]);
  });

  it('passes requests on and waits for their answers', async () => {
    await using test = await connected();
    const { gateway, connect } = test;
    const resourcesClient = connect(ResourcesClient);
    await call(
      resourcesClient,
      resourcesClient.applyResources,
      { resources: asMessages(), pruneLabels: {}, dryRun: false },
      gateway.adminToken,
    );
    const operator = await gateway.tokenOf('operator');
    await rendered(gateway, 'production', 1);
    const renderDigest = Digest.of('production 1');
    const at = { application: 'default/web', environment: 'production', version: 1 };
    await gateway.append('ApprovalRequested', 'version-default/web/1', {
      ...at,
      renderDigest,
      required: 1,
      excluded: [],
    });
    const approvals = connect(ApprovalsClient);
    expect(
      (await call(approvals, approvals.listApprovals, { page, application: 'web' }, operator)).items,
    ).toMatchObject([{ version: 1, required: 1 }]);
    void nextEvent(gateway, 'ApprovalSubmitted', -1).then((submitted) =>
      gateway.append(
        'ApprovalGranted',
        'version-default/web/1',
        {
          ...at,
          renderDigest,
          approver: submitted.actor.id,
          approverName: submitted.actor.name,
          granted: 1,
          required: 1,
        },
        { causationId: submitted.id },
      ),
    );
    const given = {
      application: 'web',
      version: 1,
      environment: undefined,
      renderDigest: undefined,
      comment: undefined,
      timeoutMs: undefined,
    };
    expect((await call(approvals, approvals.approveVersion, given, operator)).result).toMatchObject({
      outcome: 'Granted',
      granted: 1,
      renderDigest,
    });
    expect(
      (await call(approvals, approvals.rejectVersion, { ...given, environment: 'production', timeoutMs: 0 }, operator))
        .result,
    ).toMatchObject({ outcome: 'Pending' });
    const applications = connect(ApplicationsClient);
    const plan = await call(
      applications,
      applications.planApplication,
      { application: 'web', environment: undefined, version: undefined, timeoutMs: 0 },
      operator,
    );
    expect(plan).toMatchObject({ complete: false, plans: [{ cluster: 'eu-2', state: 'Pending' }] });
    expect(
      (
        await call(
          applications,
          applications.rollbackApplication,
          { application: 'web', toVersion: 1, environment: undefined, reason: undefined, timeoutMs: 0 },
          operator,
        )
      ).outcome,
    ).toBe('Pending');
    expect(
      (await call(applications, applications.suspendApplication, { application: 'web', reason: 'x' }, operator)).action,
    ).toBe('suspended');
    expect((await call(applications, applications.resumeApplication, { application: 'web' }, operator)).action).toBe(
      'resumed',
    );
    expect(
      (
        await call(
          applications,
          applications.syncApplication,
          { application: 'web', environment: undefined, cluster: undefined, confirmPrune: false },
          operator,
        )
      ).accepted?.eventId,
    ).toMatch(/-/);
    const repositories = connect(RepositoriesClient);
    expect(
      (await call(repositories, repositories.refreshRepository, { name: 'shop' }, operator)).accepted?.position,
    ).toBe((await gateway.log.head()) - 1);
    expect(
      (
        await call(
          resourcesClient,
          resourcesClient.deleteResource,
          { kind: 'Application', id: 'web', orphan: true, force: false },
          operator,
        )
      ).action,
    ).toBe('removed');
  });

  it('asks for a token and a role, and carries codes and details of errors', async () => {
    await using test = await connected();
    const { gateway, connect } = test;
    const viewer = await gateway.tokenOf('viewer');
    const applications = connect(ApplicationsClient);
    const get = (token: string): Promise<unknown> =>
      call(applications, applications.getApplication, { application: 'web', minPosition: undefined }, token);
    expect(await refusal(get(''))).toEqual([status.UNAUTHENTICATED, 'PLB-2001']);
    expect(await refusal(get(`plumb_${'A'.repeat(43)}`))).toEqual([status.UNAUTHENTICATED, 'PLB-2002']);
    expect(await refusal(get(viewer))).toEqual([status.NOT_FOUND, 'PLB-3101']);
    const suspend = call(
      applications,
      applications.suspendApplication,
      { application: 'web', reason: undefined },
      viewer,
    );
    expect(await refusal(suspend)).toEqual([status.PERMISSION_DENIED, 'PLB-2120']);
    const resourcesClient = connect(ResourcesClient);
    const operator = await gateway.tokenOf('operator');
    expect(
      await refusal(
        call(
          resourcesClient,
          resourcesClient.deleteResource,
          { kind: 'Project', id: 'default', orphan: false, force: false },
          operator,
        ),
      ),
    ).toEqual([status.PERMISSION_DENIED, 'PLB-2120']);
    expect(
      await refusal(
        call(
          resourcesClient,
          resourcesClient.deleteResource,
          { kind: 'Moon', id: 'default', orphan: false, force: false },
          operator,
        ),
      ),
    ).toEqual([status.INVALID_ARGUMENT, 'PLB-1701']);
    const wrong: ServiceError = await call(
      resourcesClient,
      resourcesClient.applyResources,
      {
        resources: [
          { apiVersion: 'x', kind: 'Repository', metadata: { name: 'A', project: undefined, labels: {} }, spec: {} },
        ],
        pruneLabels: {},
        dryRun: false,
      },
      gateway.adminToken,
    ).then(
      () => {
        throw new Error('not refused');
      },
      (error: ServiceError) => error,
    );
    expect(wrong.code).toBe(status.INVALID_ARGUMENT);
    const details: { readonly issues: readonly { readonly path: string }[] } = JSON.parse(
      String(wrong.metadata.get('plumbline-details-bin')[0]),
    );
    expect(details.issues.map(({ path: at }) => at)).toContain('resources.0.metadata.name');
    const events = connect(EventsClient);
    const stream = events.streamEvents({ after: undefined, types: [], application: undefined });
    expect(await refusal(new Promise((_, reject) => stream.on('error', reject)))).toEqual([
      status.UNAUTHENTICATED,
      'PLB-2001',
    ]);
  });

  it('streams events, resumes after the last one seen, and ends with the process', async () => {
    await using test = await connected();
    const { gateway, connect } = test;
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${gateway.adminToken}`);
    const events = connect(EventsClient);
    const seen: StreamEventsResponse[] = [];
    const first = events.streamEvents({ after: -1, types: [], application: undefined }, metadata);
    for await (const message of first as AsyncIterable<StreamEventsResponse>) {
      seen.push(message);
      if (seen.length === 1) break;
    }
    first.cancel();
    const rest = events.streamEvents(
      { after: seen[0]?.position, types: ['ClusterDeclared'], application: undefined },
      metadata,
    );
    rest.on('error', () => undefined);
    void gateway.append('ClusterDeclared', 'cluster-a', { name: 'a', labels: {}, spec: { inCluster: {} } });
    for await (const message of rest as AsyncIterable<StreamEventsResponse>) {
      seen.push(message);
      if (message.event !== undefined) break;
    }
    rest.cancel();
    expect(seen[0]?.event).toMatchObject({ type: 'TokenIssued', position: 0, actor: { kind: 'system' } });
    expect(JSON.stringify(seen[0])).not.toContain('sha256');
    expect(seen.at(-1)).toMatchObject({
      event: { type: 'ClusterDeclared', data: { name: 'a', spec: { inCluster: {} } } },
      position: 2,
    });
    expect(seen.slice(1).every(({ event }) => event === undefined || event.type === 'ClusterDeclared')).toBe(true);
    const open = events.streamEvents({ after: -1, types: [], application: undefined }, metadata);
    const ended = new Promise((resolve) => open.on('status', ({ code }) => resolve(code)));
    await once(open, 'data');
    open.on('error', () => undefined).resume();
    await gateway.app.close();
    expect(await ended).toBe(status.OK);
  });

  it('resumes a stream by its tokens, and not in another log', async () => {
    await using test = await connected();
    const { gateway, connect } = test;
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${gateway.adminToken}`);
    for (const name of ['a', 'b', 'c'])
      await gateway.append('ClusterDeclared', `cluster-${name}`, { name, labels: {}, spec: { inCluster: {} } });
    const read = async (
      of: GatewayUnderTest,
      request: { after?: number; token?: string; cluster?: string },
      given: Metadata,
    ): Promise<readonly StreamEventsResponse[]> => {
      const client =
        of === gateway ? connect(EventsClient) : new EventsClient(of.grpcAddress, credentials.createInsecure());
      const call = client.streamEvents({ types: [], ...request }, given);
      call.on('error', () => undefined);
      const seen: StreamEventsResponse[] = [];
      for await (const message of call as AsyncIterable<StreamEventsResponse>) {
        seen.push(message);
        if (message.frame === 'CaughtUp') break;
      }
      call.cancel();
      if (of !== gateway) client.close();
      return seen;
    };
    const all = await read(gateway, { after: -1 }, metadata);
    const last = (await gateway.log.head()) - 1;
    expect(all.at(-1)).toMatchObject({ frame: 'CaughtUp', position: last });
    for (const [index, { token }] of all.entries()) {
      expect((await read(gateway, { token }, metadata)).map(({ position }) => position)).toEqual([
        ...all.slice(index + 1, -1).map(({ position }) => position),
        last,
      ]);
    }
    const token = all[2]?.token ?? '';
    await expect(read(gateway, { token, cluster: 'a' }, metadata)).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringContaining('PLB-1713') as unknown,
    });
    await using other = await startGateway();
    for (const name of ['x', 'y', 'z'])
      await other.append('ClusterDeclared', `cluster-${name}`, { name, labels: {}, spec: { inCluster: {} } });
    const otherMetadata = new Metadata();
    otherMetadata.set('authorization', `Bearer ${other.adminToken}`);
    await expect(read(other, { token }, otherMetadata)).rejects.toMatchObject({
      code: status.ABORTED,
      details: expect.stringContaining('LOG_DIVERGED') as unknown,
    });
  });

  it('declares subscriptions, shows them, and asks for a replay', async () => {
    await using test = await connected({ PLUMBLINE_GATEWAY_SUBSCRIPTION_HOSTS: 'http://127.0.0.1:1' });
    const { gateway, connect } = test;
    const client = connect(SubscriptionsClient);
    const spec = { url: 'http://127.0.0.1:1/hook', secretFile: '/nowhere', filter: { environment: 'production' } };
    expect(
      await call(client, client.declareSubscription, { name: 'chat', labels: { team: 'a' }, spec }, gateway.adminToken),
    ).toMatchObject({ action: 'created' });
    expect(
      await call(client, client.declareSubscription, { name: 'chat', labels: { team: 'a' }, spec }, gateway.adminToken),
    ).toMatchObject({ action: 'unchanged' });
    const { position } = await call(client, client.replaySubscription, { name: 'chat', after: -1 }, gateway.adminToken);
    const { items } = await call(client, client.listSubscriptions, { page: undefined }, gateway.adminToken);
    expect(items).toMatchObject([
      {
        name: 'chat',
        labels: { team: 'a' },
        spec: { ...spec, maxAttempts: 12, timeout: '10s' },
        position: -1,
        replayed: { position },
      },
    ]);
    await expect(
      call(
        client,
        client.declareSubscription,
        { name: 'chat', labels: {}, spec: { ...spec, url: 'https://evil.example' } },
        gateway.adminToken,
      ),
    ).rejects.toMatchObject({ details: expect.stringContaining('PLB-1714') as unknown });
    expect(await call(client, client.deleteSubscription, { name: 'chat' }, gateway.adminToken)).toMatchObject({
      action: 'removed',
    });
    await expect(call(client, client.deleteSubscription, { name: 'chat' }, gateway.adminToken)).rejects.toMatchObject({
      code: status.NOT_FOUND,
    });
    const resourcesClient = connect(ResourcesClient);
    const chat = {
      apiVersion: 'plumbline.dev/v1alpha1',
      kind: 'Subscription',
      metadata: { name: 'chat', project: undefined, labels: {} },
      spec,
    };
    expect(
      (
        await call(
          resourcesClient,
          resourcesClient.applyResources,
          { resources: [chat], pruneLabels: {}, dryRun: false },
          gateway.adminToken,
        )
      ).resources,
    ).toMatchObject([{ kind: 'Subscription', id: 'chat', action: 'created' }]);
    const removal = { kind: 'Subscription', id: 'chat', orphan: false, force: false };
    expect(
      await refusal(call(resourcesClient, resourcesClient.deleteResource, removal, await gateway.tokenOf('operator'))),
    ).toEqual([status.PERMISSION_DENIED, 'PLB-2120']);
    expect(await call(resourcesClient, resourcesClient.deleteResource, removal, gateway.adminToken)).toMatchObject({
      action: 'removed',
    });
  });

  it('answers health checks without a token', async () => {
    await using test = await connected();
    const loaded = loadPackageDefinition(loadSync(protoPath, { enums: String })) as unknown as {
      grpc: {
        health: {
          v1: {
            Health: new (
              address: string,
              given: unknown,
            ) => Client & {
              Check: (
                request: object,
                callback: (error: ServiceError | null, response: { status: string }) => void,
              ) => void;
            };
          };
        };
      };
    };
    const health = new loaded.grpc.health.v1.Health(test.gateway.grpcAddress, credentials.createInsecure());
    for (const service of ['', 'plumbline.v1.Applications']) {
      const answer = await new Promise<{ status: string }>((resolve, reject) =>
        health.Check({ service }, (error, response) => (error === null ? resolve(response) : reject(error))),
      );
      expect(answer.status).toBe('SERVING');
    }
    health.close();
  });

  it('describes itself to buf curl, map fields included', async () => {
    await using test = await connected();
    const { gateway } = test;
    await gateway.append('ClusterDeclared', 'cluster-a', {
      name: 'a',
      labels: { tier: 'staging' },
      spec: { inCluster: {} },
    });
    const buf = path.join(path.dirname(fileURLToPath(import.meta.resolve('@bufbuild/buf/package.json'))), 'bin', 'buf');
    const run = (...args: readonly string[]): Promise<{ stdout: string }> =>
      promisify(execFile)(process.execPath, [
        buf,
        'curl',
        '--protocol',
        'grpc',
        '--http2-prior-knowledge',
        '-H',
        `authorization: Bearer ${gateway.adminToken}`,
        ...args,
      ]);
    const listed = await run('--list-methods', `http://${gateway.grpcAddress}`);
    expect(listed.stdout).toContain('plumbline.v1.Applications/GetApplicationStatus');
    const answered = await run('-d', '{"name":"a"}', `http://${gateway.grpcAddress}/plumbline.v1.Clusters/GetCluster`);
    expect(JSON.parse(answered.stdout)).toMatchObject({
      cluster: { name: 'a', labels: { tier: 'staging' }, spec: { inCluster: {} } },
    });
  });
});
