// SPDX-License-Identifier: Apache-2.0
import { HealthState } from '@plumbline/core';
import { z } from 'zod';
import { applicationSpec, projectSpec, recordedClusterSpec, repositorySpec } from './resources.js';
import { subscriptionSpec } from './subscriptions.js';

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const name = z.string().min(1).max(253);
const labels = z.record(z.string(), z.string()).readonly();
const time = z.iso.datetime();
const count = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const message = z.string().max(8000);
const consumer = z.string().min(1).max(100);
const streamName = z.string().min(1).max(300);
const environmentOf = { application: name, environment: name };
const targetOf = { ...environmentOf, cluster: name };

/** Who wrote a commit and what it says; `message` is the first line. */
export const commitInfo = z.object({
  sha: z.string().regex(/^[0-9a-f]{40,64}$/),
  author: z.object({ name: z.string(), email: z.string() }),
  committer: z.object({ name: z.string(), email: z.string() }),
  coAuthors: z
    .array(z.object({ name: z.string(), email: z.string() }))
    .readonly()
    .default([]),
  message: z.string().max(2000),
  authoredAt: time,
  committedAt: time,
});
export type CommitInfo = z.infer<typeof commitInfo>;

/** Closed set of what happened, or would happen, to one object. */
export const changeAction = z.enum([
  'Created',
  'Configured',
  'Unchanged',
  'Adopted',
  'Recreated',
  'Pruned',
  'PendingDeletion',
  'Released',
  'Skipped',
  'Refused',
  'Failed',
  'Unverified',
]);
export type ChangeAction = z.infer<typeof changeAction>;

/**
 * What happened (or would happen) to one object. Key: `group/Kind/namespace/name`, empty parts kept. Never holds
 * values of Secrets.
 */
export const objectChange = z.object({
  key: z.string(),
  apiVersion: z.string(),
  action: changeAction,
  /** Dotted paths of the fields that changed; secret keys visible, values never. */
  fields: z.array(z.string()).readonly().optional(),
  reason: z.string().optional(),
  message: message.optional(),
  /** Former field owners that were overridden: `manager: path`. */
  takenOver: z.array(z.string()).readonly().optional(),
  uid: z.string().optional(),
  finalizers: z.array(z.string()).readonly().optional(),
  /** Where the object is written: file and zero-based document index. */
  source: z.string().optional(),
});
export type ObjectChange = z.infer<typeof objectChange>;

const counts = z.partialRecord(changeAction, count);
/** Outcomes per object: inline while they fit, the whole list always under `digest` in the object store. */
const changeList = z.object({ counts, digest, inline: z.array(objectChange).readonly(), truncated: z.boolean() });
export type ChangeList = z.infer<typeof changeList>;

/** Why a sync runs. */
export const syncCause = z.enum(['Release', 'Rollback', 'Request', 'SelfHeal', 'Retry', 'Resume', 'Removal']);
export type SyncCause = z.infer<typeof syncCause>;

const verdict = z.object({
  check: z.string(),
  result: z.enum(['Pass', 'Warn', 'Deny', 'Error']),
  message,
  objects: z.array(z.string()).readonly().optional(),
});
export type Verdict = z.infer<typeof verdict>;

const health = z.enum(HealthState);

/** One schema per event type: `data` of version 1. Types are past tense and in domain words. */
export const payloads = {
  // gateway: declarations
  ProjectDeclared: z.object({ name, labels, spec: projectSpec }),
  ProjectRemoved: z.object({ name }),
  RepositoryDeclared: z.object({ name, labels, spec: repositorySpec }),
  RepositoryRemoved: z.object({ name }),
  ClusterDeclared: z.object({ name, labels, spec: recordedClusterSpec }),
  ClusterRemoved: z.object({ name }),
  ApplicationDeclared: z.object({ application: name, labels, spec: applicationSpec }),
  ApplicationRemoved: z.object({ application: name, mode: z.enum(['Delete', 'Orphan']) }),
  ApplicationSuspended: z.object({ application: name, reason: z.string().max(1000).optional() }),
  ApplicationResumed: z.object({ application: name }),
  // gateway: intents
  RefreshRequested: z.object({
    repository: name,
    source: z.enum(['User', 'Webhook', 'Bootstrap']),
    ref: z.string().optional(),
    provider: z.string().optional(),
    delivery: z.string().optional(),
  }),
  PlanRequested: z.object({ application: name, environment: name.optional(), version: count.optional() }),
  SyncRequested: z.object({
    application: name,
    environment: name.optional(),
    cluster: name.optional(),
    confirmPrune: z.boolean(),
  }),
  RollbackRequested: z.object({
    application: name,
    environment: name.optional(),
    toVersion: count,
    reason: z.string().max(1000).optional(),
  }),
  ApprovalSubmitted: z.object({
    ...environmentOf,
    version: count,
    verdict: z.enum(['Approve', 'Reject']),
    renderDigest: digest,
    comment: z.string().max(2000).optional(),
  }),
  // A name takes more room once it is sealed.
  TokenIssued: z.object({
    id: name,
    name: z.string().min(1).max(1_000),
    role: z.enum(['viewer', 'operator', 'admin']),
    hash: digest,
    expiresAt: time.optional(),
    emails: z.array(z.string()).readonly(),
  }),
  TokenRevoked: z.object({ id: name }),
  ResourcesApplied: z.object({
    repository: name,
    revision: z.string(),
    digest,
    changes: z.array(z.object({ kind: z.string(), id: z.string(), action: z.string() })).readonly(),
  }),
  ResourcesRefused: z.object({
    repository: name,
    revision: z.string(),
    digest,
    message,
    issues: z.array(z.object({ path: z.string(), message })).readonly(),
  }),
  SubscriptionDeclared: z.object({ name, labels, spec: subscriptionSpec }),
  SubscriptionRemoved: z.object({ name }),
  DeliveryProgressed: z.object({ subscription: name, begunBy: count, position: count, delivered: count }),
  DeliveryParked: z.object({
    subscription: name,
    begunBy: count,
    position: count,
    key: z.string().max(300),
    attempts: count,
    message,
  }),
  DeliveriesClaimed: z.object({ holder: name }),
  DeliveriesReleased: z.object({ holder: name }),
  DeliveryReplayRequested: z.object({
    subscription: name,
    after: z.number().int().min(-1).max(Number.MAX_SAFE_INTEGER),
  }),
  // watcher
  RevisionObserved: z.object({
    repository: name,
    ref: z.string(),
    revision: z.string(),
    previous: z.string().optional(),
    forced: z.boolean(),
    commit: commitInfo,
  }),
  RefMissing: z.object({ repository: name, ref: z.string(), message }),
  RepositoryUnreachable: z.object({ repository: name, reason: z.string(), message }),
  RepositoryRecovered: z.object({ repository: name }),
  // renderer
  VersionRendered: z.object({
    ...environmentOf,
    version: count,
    repository: name,
    revision: z.string(),
    commit: commitInfo,
    inputDigest: digest,
    renderDigest: digest,
    sourcesDigest: digest,
    renderer: z.string(),
    objectCount: count,
    namespace: name.optional(),
    createNamespace: z.boolean(),
  }),
  RenderFailed: z.object({
    ...environmentOf,
    revision: z.string(),
    reason: z.string(),
    message,
    file: z.string().optional(),
  }),
  ResourcesRead: z.object({ repository: name, ref: z.string(), revision: z.string(), digest, count }),
  ResourcesUnreadable: z.object({
    repository: name,
    ref: z.string(),
    revision: z.string(),
    reason: z.string(),
    message,
  }),
  // policy
  PolicyEvaluated: z.object({
    ...environmentOf,
    version: count,
    renderDigest: digest,
    verdicts: z.array(verdict).readonly(),
    allowed: z.boolean(),
  }),
  ApprovalRequested: z.object({
    ...environmentOf,
    version: count,
    renderDigest: digest,
    required: count,
    excluded: z.array(z.string()).readonly(),
  }),
  ApprovalGranted: z.object({
    ...environmentOf,
    version: count,
    renderDigest: digest,
    approver: z.string(),
    approverName: z.string(),
    comment: z.string().optional(),
    granted: count,
    required: count,
  }),
  ApprovalRefused: z.object({ ...environmentOf, version: count, approver: z.string(), reason: z.string(), message }),
  VersionRejected: z.object({ ...environmentOf, version: count, by: z.string(), comment: z.string().optional() }),
  VersionReleased: z.object({
    ...environmentOf,
    version: count,
    releaseId: z.string(),
    generation: count,
    kind: z.enum(['Automatic', 'Approved', 'Rollback']),
    renderDigest: digest,
    clusters: z.array(name).readonly(),
    approvals: z.array(z.string()).readonly(),
    reason: z.string().optional(),
    keyId: z.string(),
    signature: z.string(),
  }),
  VersionBlocked: z.object({ ...environmentOf, version: count, reason: z.string(), message }),
  VersionWaiting: z.object({ ...environmentOf, version: count, reason: z.string(), message }),
  VersionSuperseded: z.object({ ...environmentOf, version: count, by: count }),
  RollbackRefused: z.object({ ...environmentOf, toVersion: count, reason: z.string(), message }),
  // applier
  ClusterConnected: z.object({ cluster: name, uid: z.string(), kubernetesVersion: z.string(), apisDigest: digest }),
  ClusterUnreachable: z.object({ cluster: name, reason: z.string(), message }),
  PlanComputed: z.object({
    ...targetOf,
    version: count,
    renderDigest: digest,
    planDigest: digest,
    partial: z.boolean(),
    changes: changeList,
    guard: z.string().optional(),
  }),
  PlanFailed: z.object({ ...targetOf, version: count, reason: z.string(), message }),
  SyncStarted: z.object({
    ...targetOf,
    syncId: z.string(),
    version: count,
    releaseId: z.string(),
    generation: count,
    renderDigest: digest,
    cause: syncCause,
    inventoryDigest: digest,
    objectCount: count,
  }),
  SyncCompleted: z.object({
    ...targetOf,
    syncId: z.string(),
    version: count,
    renderDigest: digest,
    cause: syncCause,
    result: z.enum(['Succeeded', 'Failed', 'Partial']),
    reason: z.string(),
    message,
    changes: changeList,
    inventoryDigest: digest,
    objectCount: count,
    durationMs: count,
    retryable: z.boolean(),
  }),
  SyncRefused: z.object({
    ...targetOf,
    version: count,
    releaseId: z.string(),
    reason: z.string(),
    message,
    objects: z.array(objectChange).readonly(),
  }),
  DriftDetected: z.object({
    ...targetOf,
    objects: z
      .array(
        z.object({
          key: z.string(),
          kind: z.enum(['Changed', 'Missing', 'Replaced', 'Unmarked']),
          fields: z.array(z.string()).readonly(),
          actors: z.array(z.string()).readonly(),
        }),
      )
      .readonly(),
  }),
  DriftResolved: z.object({ ...targetOf }),
  HealthChanged: z.object({
    ...targetOf,
    health,
    reason: z.string(),
    message,
    objects: z.array(z.object({ key: z.string(), health, reason: z.string(), message })).readonly(),
  }),
  TargetRemoved: z.object({ ...targetOf, mode: z.enum(['Delete', 'Orphan']), changes: changeList }),
  // audit
  WorkParked: z.object({ consumer: z.string(), position: count, key: z.string(), message }),
  WorkReleased: z.object({ consumer: z.string(), position: count, key: z.string() }),
  LegalHoldPlaced: z.object({ hold: name, from: count, to: count.optional(), reason: z.string().max(1000) }),
  LegalHoldLifted: z.object({ hold: name }),
  PersonErasureRequested: z.object({ subject: name }),
  PersonErased: z.object({ subject: name, erasedAt: time, events: count }),
  // every service, about itself
  StreamQuarantined: z.object({
    consumer,
    stream: streamName,
    position: count,
    revision: count.optional(),
    message,
  }),
  StreamRecovered: z.object({ consumer, stream: streamName, position: count }),
  // gateway: the operator's request, after a fix
  StreamRetryRequested: z.object({ consumer: consumer.optional(), stream: streamName.optional() }),
} as const;

/** Every event type. */
export type EventType = keyof typeof payloads;
/** `data` of an event type. */
export type EventData<Type extends EventType> = z.infer<(typeof payloads)[Type]>;

/** Services that append. */
export const ServiceName = ['watcher', 'renderer', 'policy', 'applier', 'audit', 'gateway'] as const;
export type ServiceName = (typeof ServiceName)[number];

/** The one service that may append each type; the log's writer refuses all others. */
export const eventOwners: { readonly [Type in EventType]: ServiceName } = {
  ProjectDeclared: 'gateway',
  ProjectRemoved: 'gateway',
  RepositoryDeclared: 'gateway',
  RepositoryRemoved: 'gateway',
  ClusterDeclared: 'gateway',
  ClusterRemoved: 'gateway',
  ApplicationDeclared: 'gateway',
  ApplicationRemoved: 'gateway',
  ApplicationSuspended: 'gateway',
  ApplicationResumed: 'gateway',
  RefreshRequested: 'gateway',
  PlanRequested: 'gateway',
  SyncRequested: 'gateway',
  RollbackRequested: 'gateway',
  ApprovalSubmitted: 'gateway',
  TokenIssued: 'gateway',
  TokenRevoked: 'gateway',
  ResourcesApplied: 'gateway',
  ResourcesRefused: 'gateway',
  SubscriptionDeclared: 'gateway',
  SubscriptionRemoved: 'gateway',
  DeliveryProgressed: 'gateway',
  DeliveryParked: 'gateway',
  DeliveryReplayRequested: 'gateway',
  DeliveriesClaimed: 'gateway',
  DeliveriesReleased: 'gateway',
  RevisionObserved: 'watcher',
  RefMissing: 'watcher',
  RepositoryUnreachable: 'watcher',
  RepositoryRecovered: 'watcher',
  VersionRendered: 'renderer',
  RenderFailed: 'renderer',
  ResourcesRead: 'renderer',
  ResourcesUnreadable: 'renderer',
  PolicyEvaluated: 'policy',
  ApprovalRequested: 'policy',
  ApprovalGranted: 'policy',
  ApprovalRefused: 'policy',
  VersionRejected: 'policy',
  VersionReleased: 'policy',
  VersionBlocked: 'policy',
  VersionWaiting: 'policy',
  VersionSuperseded: 'policy',
  RollbackRefused: 'policy',
  ClusterConnected: 'applier',
  ClusterUnreachable: 'applier',
  PlanComputed: 'applier',
  PlanFailed: 'applier',
  SyncStarted: 'applier',
  SyncCompleted: 'applier',
  SyncRefused: 'applier',
  DriftDetected: 'applier',
  DriftResolved: 'applier',
  HealthChanged: 'applier',
  TargetRemoved: 'applier',
  WorkParked: 'audit',
  WorkReleased: 'audit',
  LegalHoldPlaced: 'audit',
  LegalHoldLifted: 'audit',
  PersonErasureRequested: 'audit',
  PersonErased: 'audit',
  StreamQuarantined: 'audit',
  StreamRecovered: 'audit',
  StreamRetryRequested: 'gateway',
};

/**
 * Types that every service may append, about its own consumers; for these, {@link eventOwners} only says who
 * documents them.
 */
export const sharedEventTypes: ReadonlySet<EventType> = new Set<EventType>(['StreamQuarantined', 'StreamRecovered']);

/** True when the service may append events of the type. */
export function mayAppend(service: ServiceName, type: EventType): boolean {
  return eventOwners[type] === service || sharedEventTypes.has(type);
}
