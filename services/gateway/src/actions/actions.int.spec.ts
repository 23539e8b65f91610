// SPDX-License-Identifier: Apache-2.0
import { ApiError, type PlumblineClient } from '@plumbline/api-client';
import { Digest } from '@plumbline/core';
import { describe, expect, it } from 'vitest';
import { clientOf, type GatewayUnderTest, startGateway } from '../testing/gateway.fixture.js';
import { nextEvent, released, rendered, resources, synced } from '../testing/story.fixture.js';

async function setUp(gateway: GatewayUnderTest): Promise<PlumblineClient> {
  await clientOf(gateway).apply({ resources });
  return clientOf(gateway, await gateway.tokenOf('operator'));
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'no error',
    (error: unknown) => (error instanceof ApiError ? error.code : String(error)),
  );
}

const at = { application: 'default/web', environment: 'production', version: 1 };
const renderDigest = Digest.of('production 1');

async function waiting(gateway: GatewayUnderTest): Promise<void> {
  await rendered(gateway, 'production', 1);
  await gateway.append('ApprovalRequested', 'version-default/web/1', {
    ...at,
    renderDigest,
    required: 1,
    excluded: [],
  });
}

describe('an approval', () => {
  it('is bound to the digest, carries who approved, and answers with what policy says to this very submission', async () => {
    await using gateway = await startGateway();
    const operator = await setUp(gateway);
    await waiting(gateway);
    const before = (await gateway.log.head()) - 1;
    const answering = nextEvent(gateway, 'ApprovalSubmitted', before).then(async (submitted) => {
      expect(submitted.data).toEqual({ ...at, verdict: 'Approve', renderDigest, comment: 'fine' });
      expect(submitted.actor).toMatchObject({ kind: 'user', name: 'a operator' });
      const refused = { ...at, approver: 'x', reason: 'AlreadyApproved', message: 'an answer to somebody else' };
      await gateway.append('ApprovalRefused', 'version-default/web/1', refused, { causationId: 'another-submission' });
      await gateway.append(
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
      );
      return submitted;
    });
    const result = await operator.approve('web', 1, { comment: 'fine' });
    const submitted = await answering;
    expect(result).toMatchObject({
      outcome: 'Granted',
      granted: 1,
      required: 1,
      environment: 'production',
      eventId: submitted.id,
      position: submitted.position,
    });
  });

  it('passes on the digest that was looked at, and the refusal as a value', async () => {
    await using gateway = await startGateway();
    const operator = await setUp(gateway);
    await waiting(gateway);
    const looked = Digest.of('what I looked at');
    void nextEvent(gateway, 'ApprovalSubmitted', -1).then(async (submitted) => {
      expect(submitted.data).toMatchObject({ renderDigest: looked });
      await gateway.append(
        'ApprovalRefused',
        'version-default/web/1',
        { ...at, approver: 'x', reason: 'DigestChanged', message: 'it is another version now' },
        { causationId: submitted.id },
      );
    });
    expect(await operator.approve('web', 1, { renderDigest: looked })).toMatchObject({
      outcome: 'Refused',
      reason: 'DigestChanged',
      renderDigest: looked,
    });
  });

  it('asks for the environment when there is not exactly one that waits', async () => {
    await using gateway = await startGateway();
    const operator = await setUp(gateway);
    await rendered(gateway, 'production', 1);
    expect(await codeOf(operator.approve('web', 1))).toBe('PLB-4703');
    expect(await codeOf(operator.approve('web', 2))).toBe('PLB-3102');
    expect(await codeOf(operator.approve('web', 1, { environment: 'moon' }))).toBe('PLB-3107');
    expect(await codeOf(operator.approve('web', 1, { environment: 'staging' }))).toBe('PLB-3102');
    // Whether it may be approved now is for policy to say.
    expect(await operator.approve('web', 1, { environment: 'production', timeoutMs: 0 })).toMatchObject({
      outcome: 'Pending',
    });
  });

  it('can be a rejection', async () => {
    await using gateway = await startGateway();
    const operator = await setUp(gateway);
    await waiting(gateway);
    void nextEvent(gateway, 'ApprovalSubmitted', -1).then((submitted) =>
      gateway.append('VersionRejected', 'version-default/web/1', { ...at, by: 'x' }, { causationId: submitted.id }),
    );
    expect(await operator.reject('web', 1, { comment: 'no' })).toMatchObject({ outcome: 'Rejected' });
    expect((await operator.approvals()).items).toEqual([]);
  });
});

describe('a plan', () => {
  const changes = {
    counts: { Configured: 1 },
    digest: Digest.of('list'),
    inline: [
      {
        key: 'apps/Deployment/web/web',
        apiVersion: 'apps/v1',
        action: 'Configured' as const,
        fields: ['spec.replicas'],
      },
    ],
    truncated: false,
  };

  it('waits for every target that the environments select', async () => {
    await using gateway = await startGateway();
    const operator = await setUp(gateway);
    for (const environment of ['staging', 'production']) await rendered(gateway, environment, 1);
    void nextEvent(gateway, 'PlanRequested', -1).then(async ({ id }) => {
      const computed = {
        application: 'default/web',
        environment: 'staging',
        cluster: 'eu-1',
        version: 1,
        renderDigest,
        planDigest: Digest.of('plan'),
        partial: false,
        changes,
      };
      await gateway.append('PlanComputed', 'target-default/web/staging/eu-1', computed, { causationId: id });
      await gateway.append(
        'PlanFailed',
        'target-default/web/production/eu-2',
        {
          application: 'default/web',
          environment: 'production',
          cluster: 'eu-2',
          version: 1,
          reason: 'Unreachable',
          message: 'no route',
        },
        { causationId: id },
      );
    });
    const result = await operator.plan('web');
    expect(result).toMatchObject({
      complete: true,
      plans: [
        { environment: 'staging', cluster: 'eu-1', state: 'Computed', changes: { counts: { Configured: 1 } } },
        { environment: 'production', cluster: 'eu-2', state: 'Failed', reason: 'Unreachable' },
      ],
    });
  });

  it('does not wait for a cluster that is known to be away', async () => {
    await using gateway = await startGateway();
    const operator = await setUp(gateway);
    await rendered(gateway, 'staging', 1);
    await gateway.append('ClusterUnreachable', 'cluster-eu-1', {
      cluster: 'eu-1',
      reason: 'Timeout',
      message: 'no route to host',
    });
    // Longer than the test may take: the answer does not wait for a cluster that is away.
    const result = await operator.plan('web', { timeoutMs: 600_000 });
    expect(result).toMatchObject({
      complete: false,
      plans: [
        {
          cluster: 'eu-1',
          state: 'Pending',
          reason: 'ClusterUnreachable',
          message: expect.stringContaining('no route to host'),
        },
      ],
    });
  });

  it('shows what did not come in time', async () => {
    await using gateway = await startGateway();
    const operator = await setUp(gateway);
    await rendered(gateway, 'staging', 1);
    // time is what this tests
    expect(await operator.plan('web', { timeoutMs: 20 })).toMatchObject({
      complete: false,
      plans: [{ environment: 'staging', cluster: 'eu-1', state: 'Pending' }],
    });
  });
});

describe('a rollback', () => {
  it('answers with the releases, or with why not', async () => {
    await using gateway = await startGateway();
    const operator = await setUp(gateway);
    for (const version of [1, 2]) await rendered(gateway, 'staging', version);
    void nextEvent(gateway, 'RollbackRequested', -1).then(({ id, data }) => {
      expect(data).toEqual({ application: 'default/web', toVersion: 1, reason: 'errors' });
      return released(gateway, 'staging', 1, { generation: 3, causationId: id });
    });
    const first = await operator.rollback('web', { toVersion: 1, reason: 'errors' });
    expect(first).toMatchObject({
      outcome: 'Released',
      releases: [{ environment: 'staging', version: 1, generation: 3, clusters: ['eu-1'] }],
    });
    void nextEvent(gateway, 'RollbackRequested', first.position).then(({ id }) =>
      gateway.append(
        'RollbackRefused',
        'application-default/web',
        {
          application: 'default/web',
          environment: 'staging',
          toVersion: 2,
          reason: 'AlreadyReleased',
          message: 'it runs',
        },
        { causationId: id },
      ),
    );
    expect(await operator.rollback('web', { toVersion: 2, environment: 'staging' })).toMatchObject({
      outcome: 'Refused',
      reason: 'AlreadyReleased',
      releases: [],
    });
    expect(await codeOf(operator.rollback('web', { toVersion: 9 }))).toBe('PLB-3102');
  });
});

describe('other requests', () => {
  it('sync is accepted for what exists, and its event names the target', async () => {
    await using gateway = await startGateway();
    const operator = await setUp(gateway);
    await rendered(gateway, 'staging', 1);
    await released(gateway, 'staging', 1);
    await synced(gateway, 'staging', 1);
    const accepted = await operator.sync('web', { environment: 'staging', cluster: 'eu-1', confirmPrune: true });
    const [event] = (await gateway.log.read({ from: accepted.position, limit: 1 })).events;
    expect(event).toMatchObject({
      id: accepted.eventId,
      type: 'SyncRequested',
      data: { environment: 'staging', cluster: 'eu-1', confirmPrune: true },
    });
    expect(await codeOf(operator.sync('web', { cluster: 'moon' }))).toBe('PLB-3108');
    expect(await codeOf(operator.sync('web', { environment: 'moon' }))).toBe('PLB-3107');
    expect(await codeOf(operator.sync('none'))).toBe('PLB-3101');
  });

  it('suspend and resume change the state once', async () => {
    await using gateway = await startGateway();
    const operator = await setUp(gateway);
    expect(await operator.suspend('web', 'migration')).toMatchObject({ action: 'suspended' });
    expect(await operator.suspend('web')).toMatchObject({ action: 'unchanged' });
    expect(await operator.application('web')).toMatchObject({
      suspended: { reason: 'migration', by: { name: 'a operator' } },
    });
    expect(await operator.resume('web')).toMatchObject({ action: 'resumed' });
    expect(await operator.resume('web')).toMatchObject({ action: 'unchanged' });
  });

  it('refresh asks the watcher to look now', async () => {
    await using gateway = await startGateway();
    const operator = await setUp(gateway);
    const { position } = await operator.refresh('shop');
    expect((await gateway.log.read({ from: position, limit: 1 })).events).toMatchObject([
      { type: 'RefreshRequested', data: { repository: 'shop', source: 'User' } },
    ]);
    expect(await codeOf(operator.refresh('none'))).toBe('PLB-3103');
  });
});
