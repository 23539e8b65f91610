// SPDX-License-Identifier: Apache-2.0
export { acceptsAsOf, asOfQuery, parsePointInTime } from './as-of.js';
export type { AsOfQuery, PointInTime } from './as-of.js';
export type { Immutable } from './immutable.js';
export { openApiDocument } from './openapi.js';
export { noBody, operation } from './operation.js';
export type { Access, AnyOperation, BodyOf, InputOf, Operation, ParamsOf, QueryOf, ResultOf } from './operation.js';
export { asOfIssues, PRESENT_ONLY } from './present-only.js';
export {
  applicationParams,
  applicationText,
  commaSeparated,
  itemQuery,
  listQuery,
  nameParams,
  pageOf,
  pageQuery,
  queryFlag,
  versionParams,
} from './queries.js';
export type { ItemQuery, Page, PageQuery } from './queries.js';
export type {
  ApplicationItem,
  ApplicationStatus,
  ApplicationSummary,
  AppliedResource,
  ApplyResult,
  ApprovalRequest,
  ApprovalResult,
  AuditQuery,
  AuditResult,
  ConsumerReportInfo,
  DiffResult,
  EnvironmentDifference,
  EnvironmentStatus,
  EnvironmentSummary,
  ErasureRequest,
  ErasureResult,
  EventsFilter,
  EventsPage,
  EventsQuery,
  FieldDifference,
  HistoryEntry,
  HistoryEnvironment,
  InclusionProofInfo,
  IssuedToken,
  LegalHoldItem,
  LegalHoldRequest,
  LegalHoldResult,
  LogIdentityInfo,
  ObjectDifference,
  ParkedWorkItem,
  PlanRequest,
  PlanResult,
  QuarantineInfo,
  QuarantineItem,
  QuarantineRetryInfo,
  QuarantineRetryRequest,
  ReleaseInfo,
  ReleaseRequest,
  RollbackRequest,
  RollbackResult,
  SubscriptionRequest,
  SubscriptionResult,
  SyncRequest,
  TargetOutcome,
  TargetPlan,
  TokenRequest,
  VersionInfo,
  WhoAmI,
} from './types.js';
export { accepted, acceptedResult, changeResult } from './documents/accepted.js';
export type { Accepted, ChangeResult } from './documents/accepted.js';
export { applicationView, renderError } from './documents/application.js';
export type { ApplicationView, EnvironmentView } from './documents/application.js';
export { eventEnvelope } from './documents/event.js';
export type { DecisionState, Provenance } from './documents/fields.js';
export { clusterView, projectView, repositoryView } from './documents/resources.js';
export type { ClusterView, ProjectView, RefView, RepositoryView } from './documents/resources.js';
export { subscriptionView } from './documents/subscription.js';
export type { SubscriptionView } from './documents/subscription.js';
export { targetView } from './documents/target.js';
export type { DriftView, TargetView } from './documents/target.js';
export { tokenView } from './documents/token.js';
export type { Role, TokenItem } from './documents/token.js';
export { approvalRecord, approvalView, versionView } from './documents/version.js';
export type { ApprovalRecord, ApprovalView, VersionView } from './documents/version.js';
export { allOperations } from './operations/index.js';
export {
  applyResources,
  deleteApplication,
  deleteCluster,
  deleteProject,
  deleteRepository,
  getCluster,
  getProject,
  getRepository,
  listClusters,
  listProjects,
  listRepositories,
} from './operations/resources.js';
export {
  diffVersions,
  getApplication,
  getApplicationStatus,
  getHistory,
  getVersion,
  listApplications,
  listApprovals,
  listTargets,
  listVersions,
} from './operations/applications.js';
export {
  approveVersion,
  planApplication,
  refreshRepository,
  rejectVersion,
  resumeApplication,
  rollbackApplication,
  suspendApplication,
  syncApplication,
} from './operations/actions.js';
export { queryAudit, readEvents, streamEvents } from './operations/events.js';
export { getCheckpoint, getConsistencyProof, getInclusionProof, getLog } from './operations/log.js';
export {
  erasePerson,
  liftLegalHold,
  listLegalHolds,
  listParkedWork,
  placeLegalHold,
  releaseParkedWork,
} from './operations/log-administration.js';
export { type ConsumerName, CONSUMERS, listQuarantine, retryQuarantine } from './operations/quarantine.js';
export {
  declareSubscription,
  deleteSubscription,
  getSubscription,
  listSubscriptions,
  replaySubscription,
} from './operations/subscriptions.js';
export { issueToken, listTokens, revokeToken } from './operations/tokens.js';
export { getServerVersion, whoAmI } from './operations/system.js';
export { takeWebhook, WebhookProvider } from './operations/webhooks.js';
