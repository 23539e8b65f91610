// SPDX-License-Identifier: Apache-2.0
import { StreamName, TargetId } from '@plumbline/core';
import type { Actor, NewEvent } from './event.js';
import type { EventData, EventType, ServiceName } from './payloads.js';

type StreamOf<Type extends EventType> = (data: EventData<Type>) => string;

const ofApplication = (data: { readonly application: string }): string => StreamName.application(data.application);
const ofRepository = (data: { readonly repository: string }): string => StreamName.repository(data.repository);
const ofCluster = (data: { readonly cluster: string }): string => StreamName.cluster(data.cluster);
const ofSubscription = (data: { readonly subscription: string }): string => StreamName.subscription(data.subscription);
const ofToken = (data: { readonly id: string }): string => StreamName.access(data.id);
const ofVersion = (data: { readonly application: string; readonly version: number }): string =>
  StreamName.version(data.application, data.version);
const ofTarget = (data: {
  readonly application: string;
  readonly environment: string;
  readonly cluster: string;
}): string => StreamName.target(TargetId.of(data.application, data.environment, data.cluster));
const ofLog = (name: string) => (): string => StreamName.parse(`log-${name}`);

/** The stream of the aggregate that an event is about: the only one on which the log accepts the event. */
const streams: { readonly [Type in EventType]: StreamOf<Type> } = {
  ProjectDeclared: ({ name }) => StreamName.project(name),
  ProjectRemoved: ({ name }) => StreamName.project(name),
  RepositoryDeclared: ({ name }) => StreamName.repository(name),
  RepositoryRemoved: ({ name }) => StreamName.repository(name),
  ClusterDeclared: ({ name }) => StreamName.cluster(name),
  ClusterRemoved: ({ name }) => StreamName.cluster(name),
  ApplicationDeclared: ofApplication,
  ApplicationRemoved: ofApplication,
  ApplicationSuspended: ofApplication,
  ApplicationResumed: ofApplication,
  RefreshRequested: ofRepository,
  PlanRequested: ofApplication,
  SyncRequested: ofApplication,
  RollbackRequested: ofApplication,
  ApprovalSubmitted: ofVersion,
  TokenIssued: ofToken,
  TokenRevoked: ofToken,
  ResourcesApplied: ofRepository,
  ResourcesRefused: ofRepository,
  SubscriptionDeclared: ({ name }) => StreamName.subscription(name),
  SubscriptionRemoved: ({ name }) => StreamName.subscription(name),
  DeliveryProgressed: ofSubscription,
  DeliveryParked: ofSubscription,
  DeliveryReplayRequested: ofSubscription,
  DeliveriesClaimed: ofLog('deliveries'),
  DeliveriesReleased: ofLog('deliveries'),
  RevisionObserved: ofRepository,
  RefMissing: ofRepository,
  RepositoryUnreachable: ofRepository,
  RepositoryRecovered: ofRepository,
  VersionRendered: ofVersion,
  RenderFailed: ofApplication,
  ResourcesRead: ofRepository,
  ResourcesUnreadable: ofRepository,
  PolicyEvaluated: ofVersion,
  ApprovalRequested: ofVersion,
  ApprovalGranted: ofVersion,
  ApprovalRefused: ofVersion,
  VersionRejected: ofVersion,
  VersionReleased: ofVersion,
  VersionBlocked: ofVersion,
  VersionWaiting: ofVersion,
  VersionSuperseded: ofVersion,
  RollbackRefused: ofApplication,
  ClusterConnected: ofCluster,
  ClusterUnreachable: ofCluster,
  PlanComputed: ofTarget,
  PlanFailed: ofTarget,
  SyncStarted: ofTarget,
  SyncCompleted: ofTarget,
  SyncRefused: ofTarget,
  DriftDetected: ofTarget,
  DriftResolved: ofTarget,
  HealthChanged: ofTarget,
  TargetRemoved: ofTarget,
  WorkParked: ofLog('views'),
  WorkReleased: ofLog('views'),
  LegalHoldPlaced: ofLog('holds'),
  LegalHoldLifted: ofLog('holds'),
  PersonErasureRequested: ofLog('persons'),
  PersonErased: ofLog('persons'),
  StreamQuarantined: ofLog('quarantine'),
  StreamRecovered: ofLog('quarantine'),
  StreamRetryRequested: ofLog('quarantine'),
};

/**
 * Returns the only stream on which the log accepts the event.
 * @throws InputError PLB-1002 when a name in the data cannot be part of a stream name.
 */
export function streamOf(event: Pick<NewEvent, 'type' | 'data'>): string {
  return (streams[event.type] as (data: unknown) => string)(event.data);
}

/**
 * Returns why a service may not append as this actor, or `undefined` when it may.
 * The gateway appends for users, tokens, webhooks and followed repositories; audit appends for the users whose log
 * administration the gateway
 * forwards; every other service appends only as itself.
 */
export function actorViolation(service: ServiceName, actor: Pick<Actor, 'kind' | 'id'>): string | undefined {
  if (service === 'gateway' || service === 'audit') return undefined;
  if (actor.kind === 'service' && actor.id === service) return undefined;
  return `service "${service}" appends only as itself, not as ${actor.kind} "${actor.id}"`;
}
