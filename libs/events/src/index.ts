// SPDX-License-Identifier: Apache-2.0
export { actorViolation, streamOf } from './append-rules.js';
export { checkNewEvent, decodeEvent, eventFromJson, isEventType, issuesOf } from './codec.js';
export type { Actor, EventEnvelope, EventOf, NewEvent, PlumblineEvent, RecordedEvent, UnknownEvent } from './event.js';
export { duration, durationMs } from './duration.js';
export { facetsOf, wanted, wantsAll } from './filter.js';
export type { EventFacets, EventFilter } from './filter.js';
export {
  changeAction,
  commitInfo,
  eventOwners,
  mayAppend,
  objectChange,
  payloads,
  ServiceName,
  sharedEventTypes,
  syncCause,
} from './payloads.js';
export type {
  ChangeAction,
  ChangeList,
  CommitInfo,
  EventData,
  EventType,
  ObjectChange,
  SyncCause,
  Verdict,
} from './payloads.js';
export {
  API_VERSION,
  applicationSpec,
  clusterSelector,
  clusterSpec,
  recordedClusterSpec,
  SIMULATED_REMEDY,
  environmentSpec,
  projectSpec,
  repositorySpec,
  resource,
  syncSpec,
} from './resources.js';
export type {
  ApplicationSpec,
  ClusterSelector,
  ClusterSpec,
  RecordedClusterSpec,
  EnvironmentSpec,
  ProjectSpec,
  RepositorySpec,
  Resource,
  ResourceKind,
  SyncSpec,
} from './resources.js';
export {
  generateServicesKeys,
  issueServiceCredential,
  parseServicesPublicKeys,
  ServiceCredentialVerifier,
} from './service-credential.js';
export type { CredentialRequest, ServiceIdentity, ServicesKeys } from './service-credential.js';
export { subscriptionFilter, subscriptionSpec } from './subscriptions.js';
export type { SubscriptionSpec } from './subscriptions.js';
export { cloudEvent, publicEvent } from './public-event.js';
export { eventSummaries } from './summaries.js';
export { readStoredEvent } from './stored-event.js';
export type { StoredEvent, UndecodableEvent } from './stored-event.js';
export { currentSchemaVersions, upcast } from './upcasters.js';
export {
  matchesLabels,
  matchesPattern,
  projectAllows,
  projectForbidsKind,
  selectedClusters,
  selectsCluster,
} from './selection.js';
export type { ProjectLimit, SelectableCluster } from './selection.js';
