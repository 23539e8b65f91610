// SPDX-License-Identifier: Apache-2.0
import { buildObject, buildObjectSet, generateSealKey, type ManifestObject, parseSealKey } from '@plumbline/manifest';
import type { CommitInfo, RecordedEvent } from '@plumbline/events';
import { Digest } from '@plumbline/core';
import type { GatewayUnderTest } from './gateway.fixture.js';

const time = '2026-03-02T15:04:05Z';
const person = { name: 'Anna', email: 'anna@example.com' };
export const commit: CommitInfo = {
  sha: 'a'.repeat(40),
  author: person,
  committer: person,
  coAuthors: [],
  message: 'A change',
  authoredAt: time,
  committedAt: time,
};
const sealKey = parseSealKey(Buffer.from(generateSealKey()));

/** What `plumb apply -f` would send to set up one application with staging and production. */
export const resources = [
  {
    apiVersion: 'plumbline.dev/v1alpha1',
    kind: 'Repository',
    metadata: { name: 'shop' },
    spec: { url: 'https://git.example.com/shop.git' },
  },
  {
    apiVersion: 'plumbline.dev/v1alpha1',
    kind: 'Cluster',
    metadata: { name: 'eu-1', labels: { tier: 'staging' } },
    spec: { inCluster: {} },
  },
  {
    apiVersion: 'plumbline.dev/v1alpha1',
    kind: 'Cluster',
    metadata: { name: 'eu-2', labels: { tier: 'production' } },
    spec: { inCluster: {} },
  },
  {
    apiVersion: 'plumbline.dev/v1alpha1',
    kind: 'Application',
    metadata: { name: 'web' },
    spec: {
      repository: 'shop',
      path: 'deploy/web',
      namespace: 'web',
      environments: [
        { name: 'staging', clusters: { matchLabels: { tier: 'staging' } } },
        {
          name: 'production',
          after: ['staging'],
          clusters: { matchLabels: { tier: 'production' } },
          approvals: { required: 1 },
        },
      ],
    },
  },
] as const;

/** Stores rendered objects and returns the digest of their set, as the renderer does. */
export async function storeRendered(gateway: GatewayUnderTest, objects: readonly ManifestObject[]): Promise<Digest> {
  const blobs = objects.map((object) => buildObject(object, sealKey));
  const set = buildObjectSet(blobs);
  await gateway.objects.put([set, ...blobs.map(({ digest, content }) => ({ digest, content }))]);
  return set.digest;
}

/** The renderer's outcome for one environment. */
export function rendered(
  gateway: GatewayUnderTest,
  environment: string,
  version: number,
  renderDigest: string = Digest.of(`${environment} ${version}`),
): Promise<RecordedEvent> {
  const digest = Digest.of('anything');
  return gateway.append('VersionRendered', `version-default/web/${version}`, {
    application: 'default/web',
    environment,
    version,
    repository: 'shop',
    revision: commit.sha,
    commit,
    inputDigest: digest,
    renderDigest,
    sourcesDigest: digest,
    renderer: 'plain',
    objectCount: 1,
    namespace: 'web',
    createNamespace: true,
  });
}

/** Policy's release of a version. */
export function released(
  gateway: GatewayUnderTest,
  environment: string,
  version: number,
  options: { readonly generation?: number; readonly causationId?: string; readonly cluster?: string } = {},
): Promise<RecordedEvent> {
  const { generation = version, causationId, cluster = environment === 'staging' ? 'eu-1' : 'eu-2' } = options;
  const data = {
    application: 'default/web',
    environment,
    version,
    releaseId: `release-${environment}-${generation}`,
    generation,
    kind: causationId === undefined ? ('Automatic' as const) : ('Rollback' as const),
    renderDigest: Digest.of(`${environment} ${version}`),
    clusters: [cluster],
    approvals: [],
    keyId: '0',
    signature: '0',
  };
  return gateway.append(
    'VersionReleased',
    `version-default/web/${version}`,
    data,
    causationId === undefined ? {} : { causationId },
  );
}

/** The applier's outcome on a target. */
export function synced(
  gateway: GatewayUnderTest,
  environment: string,
  version: number,
  result: 'Succeeded' | 'Failed' = 'Succeeded',
): Promise<RecordedEvent> {
  const cluster = environment === 'staging' ? 'eu-1' : 'eu-2';
  const digest = Digest.of('anything');
  return gateway.append('SyncCompleted', `target-default/web/${environment}/${cluster}`, {
    application: 'default/web',
    environment,
    cluster,
    syncId: `sync-${environment}-${version}`,
    version,
    renderDigest: Digest.of(`${environment} ${version}`),
    cause: 'Release',
    result,
    reason: result,
    message: `${result} for version ${version}`,
    changes: { counts: { Created: 1 }, digest, inline: [], truncated: false },
    inventoryDigest: digest,
    objectCount: 1,
    durationMs: 5,
    retryable: false,
  });
}

/** Waits until an event of a type is in the log after a position; the event. */
export async function nextEvent(
  gateway: GatewayUnderTest,
  type: RecordedEvent['type'],
  after: number,
): Promise<RecordedEvent> {
  for await (const events of gateway.access.feed.batches({ after, signal: AbortSignal.timeout(60_000) })) {
    const found = events.find((event) => event.type === type);
    if (found !== undefined) return found;
  }
  throw new Error(`no ${type} came`);
}
