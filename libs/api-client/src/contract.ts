// SPDX-License-Identifier: Apache-2.0
import type { Condition, HealthState, SyncState } from '@plumbline/core';
import type {
  ChangeAction,
  ChangeList,
  CommitInfo,
  RecordedEvent,
  ResourceKind,
  SyncCause,
  Verdict,
} from '@plumbline/events';
import type {
  ApplicationView,
  ApprovalRecord,
  DecisionState,
  TargetView,
  TokenView,
  VersionView,
} from '@plumbline/read-models';

/** One page of a list. */
export interface Page<Item> {
  readonly items: readonly Item[];
  /** Give it back to get the next page; absent on the last one. */
  readonly cursor?: string;
  /** The page reflects all events up to and including this position; -1 for an empty log. */
  readonly position: number;
}

/** A moment of the past to read at; now when both are absent. A moment is a position or an RFC 3339 time. */
export interface MomentQuery {
  /** As of this position, or of what had happened at this time. */
  readonly asOf?: string | number;
  /** From what was recorded up to this position or time only. */
  readonly knownAt?: string | number;
}

/** What to list. */
export interface PageQuery extends MomentQuery {
  readonly limit?: number;
  readonly cursor?: string;
  /** Wait until the answer reflects all events up to and including this position. */
  readonly minPosition?: number;
}

/** Where an accepted request stands in the log. Its outcome carries the event's id as `causationId`. */
export interface Accepted {
  readonly position: number;
  readonly eventId: string;
  readonly correlationId: string;
}

/** A resource as people write it: defaults may be left out, so its spec is checked by the server. */
export interface ResourceInput {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly project?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec?: unknown;
}

export interface ApplyRequest {
  readonly resources: readonly ResourceInput[];
  /** Remove resources that carry these labels and are not in the list. */
  readonly prune?: { readonly labelSelector: Readonly<Record<string, string>> };
  /** Check and compare only. */
  readonly dryRun?: boolean;
}

/** What an apply did, or would do, with one resource. */
export interface AppliedResource {
  readonly kind: ResourceKind;
  /** `NAME`, or `PROJECT/NAME` for an application. */
  readonly id: string;
  readonly action: 'created' | 'configured' | 'unchanged' | 'pruned';
  /** Dotted paths of the fields that changed. */
  readonly fields: readonly string[];
}

export interface ApplyResult {
  readonly dryRun: boolean;
  readonly resources: readonly AppliedResource[];
  /** Position of the last event of the apply; of the state compared with when nothing changed. */
  readonly position: number;
}

/** One environment in the summary of an application, in the order of the spec. */
export interface EnvironmentSummary {
  readonly name: string;
  readonly latestVersion?: number;
  readonly releasedVersion?: number;
  /** Decision on the latest version. */
  readonly decision?: Condition<DecisionState>;
  readonly sync: Condition<SyncState>;
  readonly health: Condition<HealthState>;
  readonly targetCount: number;
  readonly renderError?: {
    readonly revision: string;
    readonly reason: string;
    readonly message: string;
    readonly at: string;
  };
}

/** The worst of an application's environments, and each of them. */
export interface ApplicationSummary {
  readonly sync: Condition<SyncState>;
  readonly health: Condition<HealthState>;
  readonly environments: readonly EnvironmentSummary[];
}

export interface ApplicationItem extends ApplicationView {
  readonly summary: ApplicationSummary;
}

/** One environment with everything that belongs to it now. */
export interface EnvironmentStatus extends EnvironmentSummary {
  readonly latest?: VersionView;
  readonly released?: VersionView;
  readonly targets: readonly TargetView[];
}

export interface ApplicationStatus {
  readonly application: ApplicationItem;
  readonly environments: readonly EnvironmentStatus[];
  readonly position: number;
}

/** How one sync of a version on a cluster ended. */
export interface TargetOutcome {
  readonly cluster: string;
  readonly syncId: string;
  readonly cause: SyncCause;
  readonly result: 'Succeeded' | 'Failed' | 'Partial' | 'Refused';
  readonly reason: string;
  readonly message: string;
  readonly counts: Readonly<Partial<Record<ChangeAction, number>>>;
  readonly at: string;
  readonly durationMs: number;
  readonly position: number;
}

export interface HistoryEnvironment {
  readonly environment: string;
  readonly renderDigest: string;
  readonly objectCount: number;
  readonly renderedAt: string;
  readonly decision: Condition<DecisionState>;
  readonly verdicts: readonly Verdict[];
  readonly approvals: readonly ApprovalRecord[];
  readonly releases: VersionView['releases'];
  /** Newest first; at most the last few per cluster. */
  readonly outcomes: readonly TargetOutcome[];
}

/** One version over all environments that it was rendered for. */
export interface HistoryEntry {
  readonly version: number;
  readonly repository: string;
  readonly revision: string;
  readonly commit: CommitInfo;
  readonly renderedAt: string;
  readonly environments: readonly HistoryEnvironment[];
}

/** A changed field. Values of Secrets are never shown. */
export interface FieldDifference {
  readonly path: string;
  readonly op: 'add' | 'remove' | 'change';
  readonly from?: unknown;
  readonly to?: unknown;
}

export interface ObjectDifference {
  readonly key: string;
  readonly change: 'Added' | 'Removed' | 'Changed';
  readonly fields: readonly FieldDifference[];
}

export interface EnvironmentDifference {
  readonly environment: string;
  /** Absent: compared with nothing. */
  readonly from?: number;
  readonly to: number;
  readonly unchangedCount: number;
  readonly objects: readonly ObjectDifference[];
}

export interface DiffResult {
  readonly application: string;
  readonly environments: readonly EnvironmentDifference[];
}

/** The plan of one target; `Pending` when it did not come within the time given. */
export interface TargetPlan {
  readonly environment: string;
  readonly cluster: string;
  readonly state: 'Computed' | 'Failed' | 'Pending';
  readonly version?: number;
  readonly renderDigest?: string;
  readonly planDigest?: string;
  /** True when not every object could be tried against the cluster. */
  readonly partial?: boolean;
  readonly changes?: ChangeList;
  /** What a sync would refuse to do without confirmation. */
  readonly guard?: string;
  readonly reason?: string;
  readonly message?: string;
}

export interface PlanResult extends Accepted {
  readonly complete: boolean;
  readonly plans: readonly TargetPlan[];
}

export interface PlanRequest {
  readonly environment?: string;
  readonly version?: number;
  /** How long to wait for the plans; 30 s when absent, 0 does not wait. */
  readonly timeoutMs?: number;
}

export interface ApprovalRequest {
  /** May be left out when the version waits in one environment only. */
  readonly environment?: string;
  /** What you looked at; refused when the version has another digest. */
  readonly renderDigest?: string;
  readonly comment?: string;
  readonly timeoutMs?: number;
}

export interface ApprovalResult extends Accepted {
  readonly environment: string;
  readonly version: number;
  readonly renderDigest: string;
  /** `Pending` when the answer did not come within the time given. */
  readonly outcome: 'Granted' | 'Refused' | 'Rejected' | 'Pending';
  readonly granted?: number;
  readonly required?: number;
  readonly reason?: string;
  readonly message?: string;
}

export interface SyncRequest {
  readonly environment?: string;
  readonly cluster?: string;
  /** Confirm deletions that a guard refused. */
  readonly confirmPrune?: boolean;
}

export interface RollbackRequest {
  readonly toVersion: number;
  readonly environment?: string;
  readonly reason?: string;
  readonly timeoutMs?: number;
}

export interface RollbackResult extends Accepted {
  readonly outcome: 'Released' | 'Refused' | 'Pending';
  readonly releases: readonly {
    readonly environment: string;
    readonly version: number;
    readonly releaseId: string;
    readonly generation: number;
    readonly clusters: readonly string[];
  }[];
  readonly reason?: string;
  readonly message?: string;
}

/** Answer to suspend, resume and removals: `unchanged` when it was so already. */
export interface ChangeResult {
  readonly action: 'suspended' | 'resumed' | 'removed' | 'revoked' | 'unchanged';
  readonly position: number;
}

/** A subscription to declare: events that fit are sent to the endpoint, signed with a secret that the server holds. */
export interface SubscriptionRequest {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec: {
    readonly url: string;
    /** Give this or `secretEnv`. */
    readonly secretFile?: string;
    /** A variable of the server; begins with `PLUMBLINE_CRED_`. */
    readonly secretEnv?: string;
    readonly filter?: EventsFilter;
    /** Position of the last event that is not wanted; from the declaration on when absent. */
    readonly after?: number;
    /** Deliver nothing while true. */
    readonly paused?: boolean;
    readonly maxAttempts?: number;
    /** A duration such as `10s`. */
    readonly timeout?: string;
  };
}

export interface SubscriptionResult {
  readonly action: 'created' | 'configured' | 'unchanged';
  readonly position: number;
}

export interface EventsPage {
  readonly events: readonly RecordedEvent[];
  /** Give it as `after` to go on; it moves also when the filter dropped everything. */
  readonly after: number;
  /** Position of the last event in the log, or of the last one that counts as of the moment; -1 when there is none. */
  readonly head: number;
}

/** Which events are wanted; all that is given must fit. */
export interface EventsFilter {
  readonly types?: readonly string[];
  readonly application?: string;
  readonly project?: string;
  readonly environment?: string;
  readonly cluster?: string;
  /** Id or name. */
  readonly actor?: string;
}

/** Which events to read. */
export interface EventsQuery extends EventsFilter, MomentQuery {
  /** Position of the last event already seen; from the beginning when absent. */
  readonly after?: number;
  readonly limit?: number;
}

export interface AuditQuery extends MomentQuery {
  readonly actor?: string;
  readonly type?: string;
  readonly application?: string;
  readonly environment?: string;
  readonly cluster?: string;
  readonly correlationId?: string;
  /** RFC 3339, inclusive. */
  readonly since?: string;
  /** RFC 3339, exclusive. */
  readonly until?: string;
  readonly order?: 'asc' | 'desc';
  readonly limit?: number;
  readonly cursor?: string;
}

export interface AuditResult {
  readonly events: readonly RecordedEvent[];
  readonly cursor?: string;
}

export interface VersionInfo {
  readonly name: string;
  readonly version: string;
  readonly apiVersions: readonly string[];
}

export type Role = 'viewer' | 'operator' | 'admin';

export interface WhoAmI {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly emails: readonly string[];
  readonly expiresAt?: string;
}

export interface TokenRequest {
  readonly name: string;
  readonly role: Role;
  /** Addresses of the holder's commits: whoever wrote a version does not count as its approver. */
  readonly emails?: readonly string[];
  /** A duration such as `720h`, or no end when absent. */
  readonly expiresIn?: string;
}

/** A token without what opens the door. */
export type TokenItem = Omit<TokenView, 'hash'>;

export interface IssuedToken {
  /** Shown here and never again. */
  readonly token: string;
  readonly item: TokenItem;
}
