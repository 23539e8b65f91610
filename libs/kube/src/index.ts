// SPDX-License-Identifier: Apache-2.0
export { FIELD_MANAGER, KubeClient, resourcePath, withQuery } from './client.js';
export type {
  ApplyOptions, ApplyResult, CallOptions, DeleteOptions, DeleteResult, FieldValidation, KubeClientOptions, ListOptions, ListPage, PropagationPolicy, WriteOptions,
} from './client.js';
export { Discovery } from './discovery.js';
export type { DiscoveryOptions, MissingResource, ResourceLookup } from './discovery.js';
export {
  apiErrorFrom, isAdmissionDenial, isAlreadyExists, isConflict, isFieldManagerConflict, isForbidden, isGone, isImmutable, isInvalid, isNotFound,
  isTooManyRequests, KubeApiError, KubeTransportError, retryAfterMsOf, transportError,
} from './errors.js';
export type { FieldConflict, KubeCause, KubeDenial, RequestSubject } from './errors.js';
export type { KubeMethod, KubeRequest, KubeResponse, KubeTransport } from './kube-transport.port.js';
export { apiVersionOf, describeRef, groupOf, refKey, refOf, versionOf } from './types.js';
export type { ApiResource, FieldsV1, KubeObject, ManagedFieldsEntry, NewKubeObject, ObjectMeta, ObjectRef, OwnerReference } from './types.js';
