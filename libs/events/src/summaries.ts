// SPDX-License-Identifier: Apache-2.0
import type { EventType } from './payloads.js';

/** What each event says: when it is appended and what a reader may take from it. */
export const eventSummaries: { readonly [Type in EventType]: string } = {
  ProjectDeclared: 'Somebody created a project or changed its spec; the whole spec is in the event.',
  ProjectRemoved: 'A project that no application uses was removed.',
  RepositoryDeclared:
    'Somebody created a repository or changed its spec. Another URL forgets what was known of its refs.',
  RepositoryRemoved: 'A repository that no application uses was removed.',
  ClusterDeclared:
    'Somebody created a cluster or changed its labels or connection. Environments that select it get it as a target.',
  ClusterRemoved: 'A cluster was taken out of the fleet. Nothing is deleted on it.',
  ApplicationDeclared: 'Somebody created an application or changed its spec; the whole spec is in the event.',
  ApplicationRemoved:
    'Removal of an application was asked for. With Delete its objects go from every target, with Orphan they stay without our marks; the application is gone when the last TargetRemoved is.',
  ApplicationSuspended: 'From here on the applier only observes the targets of the application.',
  ApplicationResumed: 'The applier writes again.',
  RefreshRequested: 'A user or a webhook asks to fetch a repository now. The content of a webhook is only this hint.',
  PlanRequested: 'A user asks what a sync would do; every target answers with PlanComputed or PlanFailed.',
  SyncRequested:
    'A user asks for a sync now, also after terminal failures; confirmPrune confirms the deletions that a guard refused.',
  RollbackRequested:
    'A user asks for an earlier version; answered by VersionReleased (kind Rollback) per environment, or RollbackRefused.',
  ApprovalSubmitted:
    'A user approved or rejected the version with this digest; answered by ApprovalGranted, ApprovalRefused or VersionRejected.',
  TokenIssued: 'An access token exists from here on; the event holds the digest of the token, never the token.',
  TokenRevoked: 'The token opens nothing any more.',
  ResourcesApplied:
    'The resources that a repository declares at a revision are in force; what changed is named, each change has its own event.',
  ResourcesRefused:
    'The resources at a revision are wrong and were not applied, all of them or none; what was in force stays.',
  SubscriptionDeclared:
    'Somebody created a subscription or changed it: events that fit its filter are delivered to its endpoint from here on.',
  SubscriptionRemoved: 'Nothing is delivered to the endpoint any more.',
  DeliveryProgressed:
    'Everything up to the position was delivered or dead-lettered. No longer appended: positions are rows of a table.',
  DeliveryParked:
    'An endpoint did not take an event in all attempts; what belongs to the same key waits for a replay, all else goes on.',
  DeliveriesClaimed: 'This gateway delivers to subscriptions. No longer appended: a lease in a table decides.',
  DeliveriesReleased: 'The gateway no longer delivers. No longer appended: a lease in a table decides.',
  DeliveryReplayRequested: 'A user asks to deliver everything after a position again, parked keys included.',
  RevisionObserved:
    'A ref of a repository points to another commit than before. Begins the way of one change: its correlation id goes through all that follows.',
  RefMissing: 'A ref that applications want does not exist at the source. The last good revision stays in force.',
  RepositoryUnreachable: 'The repository could not be fetched; appended once, not per attempt.',
  RepositoryRecovered: 'The repository can be fetched again.',
  VersionRendered:
    'A revision gave an environment other objects than before: a numbered version, its objects in the object store by digest.',
  RenderFailed: 'A revision could not be rendered for an environment; once per revision. What runs stays.',
  ResourcesRead: 'The resources that a repository declares at a revision, as one content in the object store.',
  ResourcesUnreadable: 'The files with resources at a revision cannot be read; what was in force stays.',
  PolicyEvaluated: 'The built-in checks looked at a version; every verdict is in the event.',
  ApprovalRequested:
    'The version waits for this many approvals of exactly this digest; the excluded addresses do not count.',
  ApprovalGranted: 'An approval counted. With the last one the release follows in the same append.',
  ApprovalRefused: 'An approval did not count, and why.',
  VersionRejected: 'Somebody rejected the version; it will not be released by itself.',
  VersionReleased:
    'The version may be put on these clusters. Signed over application, environment, version, digest, clusters and generation; the applier acts on the highest generation only.',
  VersionBlocked: 'A check denied the version. It is looked at again when the rules change.',
  VersionWaiting:
    'The version waits for something that is not an approval: an earlier environment, a cluster, a rollback that holds.',
  VersionSuperseded: 'A newer version took the place of this one before it was released.',
  RollbackRefused: 'A rollback cannot be done, and why.',
  ClusterConnected: 'The cluster answers; its identity, version and the digest of the kinds it serves.',
  ClusterUnreachable: 'The cluster does not answer since this event: its targets are Unknown. Once per transition.',
  PlanComputed:
    'What releasing the version would do to the target, found out by dry-run; partial when not every object could be tried.',
  PlanFailed: 'The plan could not be made, and why.',
  SyncStarted:
    'A sync is about to write: the inventory in the event is everything that may exist on the target from here on, old and new.',
  SyncCompleted: 'A sync ended, with an outcome per object and the inventory of what exists now.',
  SyncRefused: 'A release was not acted on: signature, digest, empty render or another owner; nothing was written.',
  DriftDetected:
    'Fields that we own differ from what we applied, or objects are missing or replaced; who touched them, where it can be known.',
  DriftResolved: 'The drift went away without a sync of ours.',
  HealthChanged: 'The health of a target became another; the objects that are not healthy are named.',
  TargetRemoved: 'The target holds nothing of ours any more.',
  WorkParked: 'A consumer could not take in an event and set its key aside; all others go on.',
  WorkReleased: 'What was parked at this position was applied after somebody had mended the cause; its key goes on.',
  LegalHoldPlaced:
    'The events from a position up to another (or all that follow) must stay in the database, and readable, until the hold is lifted.',
  LegalHoldLifted: 'A legal hold ended; retention and erasure are free again where no other one holds.',
  PersonErasureRequested: 'A person is to become unreadable in the log. The subject is a keyed hash: it names nobody.',
  PersonErased:
    'The key of the person was dropped and the views were built anew: what the events had of the person can never be read again.',
  StreamQuarantined:
    'A consumer could not process an event. Later events of the same stream wait, for this consumer only; all other streams are processed.',
  StreamRecovered: 'The consumer has processed the quarantined event and everything that waited behind it.',
  StreamRetryRequested:
    'A user asks consumers to process quarantined streams again, after a fix; without a consumer or a stream, all of them.',
};
