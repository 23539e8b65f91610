// SPDX-License-Identifier: Apache-2.0
export { assertNever } from './assert-never.js';
export { canonicalJson } from './canonical-json.js';
export type { Json } from './canonical-json.js';
export { isoTime, systemClock } from './clock.js';
export type { Clock } from './clock.js';
export { HealthState, nextCondition, SyncState, worstHealth } from './conditions.js';
export type { Condition } from './conditions.js';
export {
  AuthError,
  ConflictError,
  InputError,
  InvariantError,
  messageOf,
  NotFoundError,
  OverloadedError,
  PlumblineError,
  UpstreamError,
} from './errors.js';
export type { ErrorDetails, ErrorOptions, InputIssue } from './errors.js';
export { errorCatalogue, errorDefinition, httpStatusOf, receivedErrorCode } from './error-catalogue.js';
export type { ErrorCode, ErrorCodeOf } from './error-catalogue.js';
export { ErrorKind } from './error-definition.js';
export type { ErrorDefinition, RetryAdvice } from './error-definition.js';
export {
  ApplicationId,
  derivedId,
  Digest,
  isName,
  isTimeOrderedUuid,
  requestTimeMs,
  StreamName,
  TargetId,
  uuidTimeMs,
  uuidv7,
} from './ids.js';
export type { Branded } from './ids.js';
export type { MetricDefinition, MetricDefinitions } from './metric.js';
export { formatMicros, microsOf } from './time.js';
export { DEFAULT_DATA_DIR, dataDirectory } from './data-directory.js';
