// SPDX-License-Identifier: Apache-2.0
import type { approveVersion, planApplication, rollbackApplication, syncApplication } from './operations/actions.js';
import type { diffVersions, getApplication, getApplicationStatus, getHistory } from './operations/applications.js';
import type { queryAudit, readEvents } from './operations/events.js';
import type {
  erasePerson,
  listLegalHolds,
  listParkedWork,
  placeLegalHold,
  releaseParkedWork,
} from './operations/log-administration.js';
import type { listQuarantine, retryQuarantine } from './operations/quarantine.js';
import type { getInclusionProof, getLog } from './operations/log.js';
import type { applyResources } from './operations/resources.js';
import type { declareSubscription } from './operations/subscriptions.js';
import type { getServerVersion, whoAmI } from './operations/system.js';
import type { issueToken } from './operations/tokens.js';
import type { BodyOf, QueryOf, ResultOf } from './operation.js';

/** An application with its summary. */
export type ApplicationItem = ResultOf<typeof getApplication>;
/** The worst of an application's environments, and each of them. */
export type ApplicationSummary = ApplicationItem['summary'];
/** One environment in the summary of an application, in the order of the spec. */
export type EnvironmentSummary = ApplicationSummary['environments'][number];
/** An application with its environments, versions and targets as of one position. */
export type ApplicationStatus = ResultOf<typeof getApplicationStatus>;
/** One environment with its newest and released versions and its targets. */
export type EnvironmentStatus = ApplicationStatus['environments'][number];

/** One version in every environment that it was rendered for. */
export type HistoryEntry = ResultOf<typeof getHistory>['items'][number];
/** A version in one environment, with its decision and outcomes. */
export type HistoryEnvironment = HistoryEntry['environments'][number];
/** The outcome of one sync of a version on a cluster. */
export type TargetOutcome = HistoryEnvironment['outcomes'][number];

/** The differences between two versions. */
export type DiffResult = ResultOf<typeof diffVersions>;
/** The differences in one environment; `from` is absent when there is no version to compare with. */
export type EnvironmentDifference = DiffResult['environments'][number];
/** The differences of one object. */
export type ObjectDifference = EnvironmentDifference['objects'][number];
/** A changed field. Values of Secrets are never shown. */
export type FieldDifference = ObjectDifference['fields'][number];

/** What to plan; the server waits 30 s for plans by default. */
export type PlanRequest = BodyOf<typeof planApplication>;
/** The plan of every target. */
export type PlanResult = ResultOf<typeof planApplication>;
/** The plan of one target; `Pending` when it was not computed in time. */
export type TargetPlan = PlanResult['plans'][number];
/** What to approve or reject. */
export type ApprovalRequest = BodyOf<typeof approveVersion>;
/** Answer to an approval or a rejection. */
export type ApprovalResult = ResultOf<typeof approveVersion>;
/** What to sync. */
export type SyncRequest = BodyOf<typeof syncApplication>;
/** The version to roll back to. */
export type RollbackRequest = BodyOf<typeof rollbackApplication>;
/** Answer to a rollback. */
export type RollbackResult = ResultOf<typeof rollbackApplication>;

/** The result of an apply. */
export type ApplyResult = ResultOf<typeof applyResources>;
/** What an apply did, or would do, with one resource. */
export type AppliedResource = ApplyResult['resources'][number];
/** A subscription to declare. */
export type SubscriptionRequest = BodyOf<typeof declareSubscription>;
/** Answer to the declaration of a subscription. */
export type SubscriptionResult = ResultOf<typeof declareSubscription>;

/** Which events to read. */
export type EventsQuery = QueryOf<typeof readEvents>;
/** Which events are wanted; all criteria must match. */
export type EventsFilter = Omit<EventsQuery, 'after' | 'limit' | 'asOf' | 'knownAt'>;
/** A page of events. */
export type EventsPage = ResultOf<typeof readEvents>;
/** Which events to search for. */
export type AuditQuery = QueryOf<typeof queryAudit>;
/** Events found by a search. */
export type AuditResult = ResultOf<typeof queryAudit>;

/** Name and versions of the server. */
export type VersionInfo = ResultOf<typeof getServerVersion>;
/** The principal of a token. */
export type WhoAmI = ResultOf<typeof whoAmI>;
/** A token to issue. */
export type TokenRequest = BodyOf<typeof issueToken>;
/** A new token. */
export type IssuedToken = ResultOf<typeof issueToken>;

/** The signer and the cosigners of the log, as the server reports them: compare the key before you trust it. */
export type LogIdentityInfo = ResultOf<typeof getLog>;
/** A proof that an event is in the log. */
export type InclusionProofInfo = ResultOf<typeof getInclusionProof>;
/** Quarantined streams, and the consumers whose state is not known. */
export type QuarantineInfo = ResultOf<typeof listQuarantine>;
/** A stream with an event that a consumer could not process. */
export type QuarantineItem = QuarantineInfo['items'][number];
/** How current the list of quarantined streams is for one consumer. */
export type ConsumerReportInfo = QuarantineInfo['consumers'][number];
/** Quarantined streams to process again. */
export type QuarantineRetryRequest = BodyOf<typeof retryQuarantine>;
/** Result of a retry. */
export type QuarantineRetryInfo = ResultOf<typeof retryQuarantine>;
/** An event that a consumer could not process; later events of its stream wait. */
export type ParkedWorkItem = ResultOf<typeof listParkedWork>['items'][number];
/** What to retry. */
export type ReleaseRequest = BodyOf<typeof releaseParkedWork>;
/** Answer to a retry. */
export type ReleaseInfo = ResultOf<typeof releaseParkedWork>;
/** A legal hold to place. */
export type LegalHoldRequest = BodyOf<typeof placeLegalHold>;
/** Events that stay in the database, and readable, until the hold is lifted. */
export type LegalHoldItem = ResultOf<typeof listLegalHolds>['items'][number];
/** Answer to a change of a legal hold. */
export type LegalHoldResult = ResultOf<typeof placeLegalHold>;
/** The person to erase. */
export type ErasureRequest = BodyOf<typeof erasePerson>;
/** Answer to an erasure. */
export type ErasureResult = ResultOf<typeof erasePerson>;
