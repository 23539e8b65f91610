// SPDX-License-Identifier: Apache-2.0
export { FIELD_MANAGER, KubeClient, resourcePath, withQuery } from './client.js';
export type {
  ApplyOptions,
  ApplyResult,
  CallOptions,
  DeleteOptions,
  DeleteResult,
  FieldValidation,
  KubeClientOptions,
  ListOptions,
  ListPage,
  PropagationPolicy,
  WriteOptions,
} from './client.js';
export { Discovery } from './discovery.js';
export type { DiscoveryOptions, MissingResource, ResourceLookup } from './discovery.js';
export {
  apiErrorFrom,
  isAdmissionDenial,
  isAlreadyExists,
  isConflict,
  isFieldManagerConflict,
  isForbidden,
  isGone,
  isImmutable,
  isInvalid,
  isNotFound,
  isTooManyRequests,
  KubeApiError,
  KubeTransportError,
  retryAfterMsOf,
  transportError,
} from './errors.js';
export type { FieldConflict, KubeCause, KubeDenial, RequestSubject } from './errors.js';
export type { KubeMethod, KubeRequest, KubeResponse, KubeTransport } from './kube-transport.port.js';
export { apiVersionOf, describeRef, groupOf, refKey, refOf, versionOf } from './types.js';
export type {
  ApiResource,
  FieldsV1,
  KubeObject,
  ManagedFieldsEntry,
  NewKubeObject,
  ObjectMeta,
  ObjectRef,
  OwnerReference,
} from './types.js';
export { credentialSource } from './transports/credentials.js';
export type {
  CredentialSource,
  DirectConnection,
  KubeConnection,
  ResolvedCredentials,
  TlsMaterial,
} from './transports/credentials.js';
export { LimitedTransport } from './transports/limited-transport.js';
export type { LaneLimits, LaneStatus, LimitedTransportOptions } from './transports/limited-transport.js';
export { connectKube } from './transports/undici-transport.js';
export type { UndiciTransportOptions } from './transports/undici-transport.js';
export { ResourceWatch } from './watch.js';
export type { WatchEvent, WatchOptions, WatchStatus } from './watch.js';
export { catalogue as healthCatalogue } from './health/catalogue/index.js';
export { byConditions, healthOf } from './health/health.js';
export type { HealthOptions, HealthRule, ObjectHealth } from './health/health-rule.js';
export { applyEntryOf, fieldPathsOf, ownedFields, ownersOf, projectFields } from './managed-fields.js';
export type { FieldOwner } from './managed-fields.js';
