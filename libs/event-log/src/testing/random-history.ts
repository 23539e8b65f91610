// SPDX-License-Identifier: Apache-2.0
import { Digest, uuidv7 } from '@plumbline/core';
import { applicationSpec, eventOwners, type EventType, type NewEvent, projectSpec } from '@plumbline/events';
import type { AppendRequest } from '../event-log.port.js';

const HOUR_MS = 3_600_000;
const sha = 'a'.repeat(40);
const person = { name: 'dev', email: 'dev@example.com' };
const commit = {
  sha,
  author: person,
  committer: person,
  coAuthors: [],
  message: 'a change',
  authoredAt: '2026-01-01T00:00:00Z',
  committedAt: '2026-01-01T00:00:00Z',
};
const digest = (text: string): string => Digest.of(text);

/** Numbers from 0 to 1, the same for the same seed. */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface Draft {
  readonly type: EventType;
  readonly stream: string;
  readonly data: unknown;
}

/**
 * Appends that a fleet could have made, of two applications, two environments and three clusters, in an order that
 * has no plan: things are
 * declared, removed and declared again, and a third of the reports of clusters come late. The same seed gives the
 * same history.
 */
export function* randomHistory(seed: number, count: number): Generator<AppendRequest> {
  const next = randomNumbers(seed);
  const pick = <Item>(items: readonly [Item, ...Item[]]): Item => items[Math.floor(next() * items.length)] ?? items[0];
  const versions = new Set<string>();
  for (let index = 0; index < count; index += 1) {
    const draft = possible(pick(drafts)(pick, index), versions) ?? declared(pick);
    const service = eventOwners[draft.type];
    const late = service === 'applier' && next() < 0.35;
    const nowMs = Date.now();
    yield {
      requestId: uuidv7(nowMs),
      actor: { kind: 'service', id: service, name: service },
      service,
      items: [
        {
          stream: draft.stream,
          expected: { type: 'any' },
          events: [
            {
              type: draft.type,
              data: draft.data,
              ...(late ? { occurredAt: new Date(nowMs - Math.floor(next() * HOUR_MS)).toISOString() } : {}),
            } as unknown as NewEvent,
          ],
        },
      ],
    };
  }
}

/** Undefined for what no fleet does: a version is rendered once, and nothing comes of one that was not. */
function possible(draft: Draft, versions: Set<string>): Draft | undefined {
  const { application, environment, version } = draft.data as {
    readonly application?: string;
    readonly environment?: string;
    readonly version?: number;
  };
  const key = `${application}/${version}/${environment}`;
  if (draft.type === 'VersionRendered') return versions.has(key) ? undefined : (versions.add(key), draft);
  return draft.type === 'SyncCompleted' && !versions.has(key) ? undefined : draft;
}

type Pick = <Item>(items: readonly [Item, ...Item[]]) => Item;

const anyApplication = (pick: Pick): string => pick(['default/web', 'default/web-api']);
const anyCluster = (pick: Pick): string => pick(['eu-1', 'eu-2', 'us-1']);
const anyTarget = (
  pick: Pick,
): { readonly application: string; readonly environment: string; readonly cluster: string } => ({
  application: anyApplication(pick),
  environment: pick(['staging', 'production']),
  cluster: anyCluster(pick),
});
const changes = { counts: { Created: 1 }, digest: digest('changes'), inline: [], truncated: false };

function onTarget(type: EventType, more: (pick: Pick, index: number) => object): (pick: Pick, index: number) => Draft {
  return (pick, index) => {
    const at = anyTarget(pick);
    return {
      type,
      stream: `target-${at.application}/${at.environment}/${at.cluster}`,
      data: { ...at, ...more(pick, index) },
    };
  };
}

function onVersion(type: EventType, more: (pick: Pick, index: number) => object): (pick: Pick, index: number) => Draft {
  return (pick, index) => {
    const { application, environment } = anyTarget(pick);
    const version = pick([1, 2, 3]);
    return {
      type,
      stream: `version-${application}/${version}`,
      data: { application, environment, version, ...more(pick, index) },
    };
  };
}

function onCluster(type: EventType, more: (pick: Pick) => object): (pick: Pick) => Draft {
  return (pick) => {
    const cluster = anyCluster(pick);
    return {
      type,
      stream: `cluster-${cluster}`,
      data: {
        ...(type.startsWith('ClusterDecl') || type === 'ClusterRemoved' ? { name: cluster } : { cluster }),
        ...more(pick),
      },
    };
  };
}

const rendered = onVersion('VersionRendered', () => ({
  repository: 'shop',
  revision: sha,
  commit,
  inputDigest: digest('in'),
  renderDigest: digest('out'),
  sourcesDigest: digest('src'),
  renderer: 'plain',
  objectCount: 1,
  createNamespace: true,
}));
const released = onVersion('VersionReleased', (pick, index) => ({
  releaseId: `r${index}`,
  generation: index,
  kind: 'Automatic',
  renderDigest: digest('out'),
  clusters: pick([['eu-1'], ['eu-1', 'eu-2'], ['us-1']]),
  approvals: [],
  keyId: 'k',
  signature: 's',
}));
const completed = onTarget('SyncCompleted', (pick, index) => ({
  syncId: `s${index}`,
  version: pick([1, 2, 3]),
  renderDigest: digest('out'),
  cause: 'Release',
  result: pick(['Succeeded', 'Succeeded', 'Failed']),
  reason: 'Done',
  message: '',
  changes,
  inventoryDigest: digest('inv'),
  objectCount: 1,
  durationMs: 5,
  retryable: false,
}));

function declared(pick: Pick): Draft {
  const application = anyApplication(pick);
  const spec = applicationSpec.parse({
    repository: 'shop',
    environments: [
      { name: 'staging', clusters: { names: ['eu-1'] } },
      { name: 'production', clusters: { names: ['eu-2'] } },
    ],
  });
  return {
    type: 'ApplicationDeclared',
    stream: `application-${application}`,
    data: { application, labels: { tier: pick(['a', 'b']) }, spec },
  };
}

function removed(pick: Pick): Draft {
  const application = anyApplication(pick);
  return { type: 'ApplicationRemoved', stream: `application-${application}`, data: { application, mode: 'Delete' } };
}

const drafts: readonly [(pick: Pick, index: number) => Draft, ...((pick: Pick, index: number) => Draft)[]] = [
  declared,
  declared,
  rendered,
  rendered,
  released,
  released,
  completed,
  completed,
  removed,
  () => ({
    type: 'ProjectDeclared',
    stream: 'project-default',
    data: { name: 'default', labels: {}, spec: projectSpec.parse({}) },
  }),
  onCluster('ClusterDeclared', (pick) => ({ labels: { tier: pick(['a', 'b']) }, spec: { simulated: {} } })),
  onCluster('ClusterRemoved', () => ({})),
  onCluster('ClusterConnected', () => ({ uid: 'u', kubernetesVersion: 'v1.36.0', apisDigest: digest('apis') })),
  onCluster('ClusterUnreachable', () => ({ reason: 'Timeout', message: 'no answer' })),
  onVersion('ApprovalRequested', () => ({ renderDigest: digest('out'), required: 2, excluded: [] })),
  onVersion('ApprovalGranted', () => ({
    renderDigest: digest('out'),
    approver: 'a',
    approverName: 'Ada',
    granted: 1,
    required: 2,
  })),
  onVersion('VersionSuperseded', () => ({ by: 9 })),
  onTarget('SyncStarted', (_, index) => ({
    syncId: `s${index}`,
    version: 1,
    releaseId: 'r',
    generation: 1,
    renderDigest: digest('out'),
    cause: 'Release',
    inventoryDigest: digest('inv'),
    objectCount: 1,
  })),
  onTarget('DriftDetected', () => ({
    objects: [{ key: 'apps/Deployment/web/shop', kind: 'Changed', fields: ['spec.replicas'], actors: ['kubectl'] }],
  })),
  onTarget('HealthChanged', (pick) => ({
    health: pick(['Healthy', 'Degraded']),
    reason: 'Pods',
    message: '',
    objects: [],
  })),
  onTarget('TargetRemoved', () => ({ mode: 'Delete', changes })),
];
