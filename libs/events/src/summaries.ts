// SPDX-License-Identifier: Apache-2.0
import type { EventType } from './payloads.js';

/** Meaning of each event type: when it is appended and what its data says. */
export const eventSummaries: { readonly [Type in EventType]: string } = {
  ProjectDeclared: 'A user created a project or changed its spec. The event has the whole spec.',
  ProjectRemoved: 'A project that no application uses was removed.',
  RepositoryDeclared:
    'A user created a repository or changed its spec. A new URL discards the refs and the connection state.',
  RepositoryRemoved: 'A repository that no application uses was removed.',
  ClusterDeclared:
    'A user created a cluster or changed its labels or connection. Environments that select the cluster get it as a target.',
  ClusterRemoved: 'A cluster was removed from the fleet. Nothing is deleted on it.',
  ApplicationDeclared: 'A user created an application or changed its spec. The event has the whole spec.',
  ApplicationRemoved:
    'The removal of an application was requested. With Delete its objects are deleted from every target; with Orphan they stay without the marks of Plumbline. The application is gone after the last TargetRemoved.',
  ApplicationSuspended: 'Syncing of the application is suspended: the applier only observes its targets.',
  ApplicationResumed: 'Syncing of the application is resumed.',
  RefreshRequested: 'A user or a webhook requested a fetch of a repository. The content of a webhook is only a hint.',
  PlanRequested: 'A user requested a plan. Every target answers with PlanComputed or PlanFailed.',
  SyncRequested:
    'A user requested a sync, also after terminal failures. confirmPrune confirms deletions that a guard refused.',
  RollbackRequested:
    'A user requested an earlier version. The answer is VersionReleased (kind Rollback) per environment, or RollbackRefused.',
  ApprovalSubmitted:
    'A user approved or rejected the version with this digest. The answer is ApprovalGranted, ApprovalRefused or VersionRejected.',
  TokenIssued: 'An access token was issued. The event has the digest of the token, never the token.',
  TokenRevoked: 'The token is no longer accepted.',
  ResourcesApplied:
    'The resources that a repository declares at a revision are in effect. The event names the changes; each change has its own event.',
  ResourcesRefused:
    'The resources at a revision are not valid, and none of them was applied. The previous resources stay in effect.',
  SubscriptionDeclared:
    'A user created or changed a subscription. Events that match its filter are delivered to its endpoint.',
  SubscriptionRemoved: 'Deliveries to the endpoint have ended.',
  DeliveryProgressed:
    'Everything up to the position was delivered or dead-lettered. Recorded by earlier versions; the position is stored in a table now.',
  DeliveryParked:
    'A delivery exhausted its attempts and was dead-lettered. Later events of the same key wait for a replay; other deliveries continue.',
  DeliveriesClaimed:
    'A gateway became the one that delivers. Recorded by earlier versions; the lease is stored in a table now.',
  DeliveriesReleased: 'A gateway stopped delivering. Recorded by earlier versions; the lease is stored in a table now.',
  DeliveryReplayRequested: 'A user requested delivery of everything after a position, including dead-lettered events.',
  RevisionObserved:
    'A ref of a repository points to another commit than before. The event starts a change: all events that follow from it have its correlation id.',
  RefMissing: 'A ref that applications use does not exist in the repository. The last good revision stays in effect.',
  RepositoryUnreachable: 'The repository could not be fetched. Appended once per outage, not per attempt.',
  RepositoryRecovered: 'The repository can be fetched again.',
  VersionRendered:
    'A revision produced other objects for an environment than before: a numbered version, with its objects in the object store by digest.',
  RenderFailed:
    'A revision could not be rendered for an environment. Appended once per revision. The running version stays.',
  ResourcesRead:
    'The resources that a repository declares at a revision were read; the object store has them as one content.',
  ResourcesUnreadable: 'The files with resources at a revision cannot be read. The previous resources stay in effect.',
  PolicyEvaluated: 'The built-in checks evaluated a version. The event has every verdict.',
  ApprovalRequested:
    'The version waits for this number of approvals of exactly this digest. Approvals by the excluded addresses do not count.',
  ApprovalGranted: 'An approval counted. After the last one, the release follows in the same append.',
  ApprovalRefused: 'An approval did not count; the event has the reason.',
  VersionRejected: 'A user rejected the version. It is not released automatically.',
  VersionReleased:
    'The version may run on these clusters. The release is signed over application, environment, version, digest, clusters and generation; the applier acts on the highest generation only.',
  VersionBlocked: 'A check denied the version. It is evaluated again when the rules change.',
  VersionWaiting:
    'The version waits for something other than an approval: an earlier environment, a cluster, or a rollback in effect.',
  VersionSuperseded: 'A newer version replaced this one before it was released.',
  RollbackRefused: 'A rollback is not possible; the event has the reason.',
  ClusterConnected:
    'The cluster is reachable. The event has its identity, its version and the digest of the kinds that it serves.',
  ClusterUnreachable: 'The cluster is unreachable: the state of its targets is Unknown. Appended once per transition.',
  PlanComputed:
    'What releasing the version would change on the target, by dry-run; partial if not every object could be tried.',
  PlanFailed: 'The plan could not be computed; the event has the reason.',
  SyncStarted:
    'A sync is about to write. The inventory in the event lists every object that may exist on the target from now on, old and new.',
  SyncCompleted: 'A sync ended. The event has an outcome per object and the inventory of existing objects.',
  SyncRefused:
    'The applier did not act on a release: its signature, digest, empty render or ownership was not acceptable. Nothing was written.',
  DriftDetected:
    'Fields that Plumbline owns differ from what was applied, or objects are missing or replaced. The event names who changed them, if known.',
  DriftResolved: 'Drift disappeared without a sync.',
  HealthChanged: 'The health of a target changed. The event names the objects that are not healthy.',
  TargetRemoved: 'The target has no managed objects any more.',
  WorkParked:
    'A consumer could not process an event and quarantined its stream; other streams continue. Recorded by earlier versions.',
  WorkReleased: 'A quarantined stream was processed after its cause was fixed. Recorded by earlier versions.',
  LegalHoldPlaced:
    'The events from a position up to another (or all later ones) must stay in the database, and readable, until the hold is lifted.',
  LegalHoldLifted: 'A legal hold ended. Retention and erasure apply again, unless another hold covers the events.',
  PersonErasureRequested: 'The erasure of a person was requested. The subject is a keyed hash, not a name.',
  PersonErased:
    'The key of the person was dropped and the read models were rebuilt: the personal data of the person is permanently unreadable.',
  StreamQuarantined:
    'A consumer could not process an event. Later events of the same stream wait, for this consumer only; all other streams are processed.',
  StreamRecovered: 'The consumer has processed the quarantined event and everything that waited behind it.',
  StreamRetryRequested:
    'A user asks consumers to process quarantined streams again, after a fix; without a consumer or a stream, all of them.',
};
