// SPDX-License-Identifier: Apache-2.0
export { ApiError } from './api-error.js';
export type { ErrorBody } from './api-error.js';
export { PlumblineClient } from './client.js';
export type { ItemQuery } from './client.js';
export type {
  Accepted,
  ApplicationItem,
  ApplicationStatus,
  ApplicationSummary,
  AppliedResource,
  ApplyRequest,
  ApplyResult,
  ApprovalRequest,
  ApprovalResult,
  AuditQuery,
  AuditResult,
  ChangeResult,
  DiffResult,
  EnvironmentDifference,
  EnvironmentStatus,
  EnvironmentSummary,
  EventsFilter,
  EventsPage,
  EventsQuery,
  FieldDifference,
  HistoryEntry,
  HistoryEnvironment,
  IssuedToken,
  MomentQuery,
  ObjectDifference,
  Page,
  PageQuery,
  PlanRequest,
  PlanResult,
  ResourceInput,
  Role,
  RollbackRequest,
  RollbackResult,
  SubscriptionRequest,
  SubscriptionResult,
  SyncRequest,
  TargetOutcome,
  TargetPlan,
  TokenItem,
  TokenRequest,
  VersionInfo,
  WhoAmI,
} from './contract.js';
export { followEvents, sseMessages } from './event-stream.js';
export type { FollowOptions, SseMessage } from './event-stream.js';
export type { ClientOptions } from './http.js';
export { LogClient } from './log-client.js';
export type { InclusionProofInfo, LogIdentityInfo } from './log-client.js';
export type {
  ErasureRequest,
  ErasureResult,
  LegalHoldItem,
  LegalHoldRequest,
  LegalHoldResult,
  ParkedWorkItem,
  ReleaseInfo,
  ReleaseRequest,
} from './log-upkeep.js';
