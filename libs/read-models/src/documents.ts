// SPDX-License-Identifier: Apache-2.0
import type { Condition, HealthState, SyncState } from '@plumbline/core';
import type {
  Actor,
  ApplicationSpec,
  ChangeList,
  ClusterSpec,
  CommitInfo,
  ObjectChange,
  ProjectSpec,
  RepositorySpec,
  SubscriptionSpec,
  SyncCause,
  Verdict,
} from '@plumbline/events';

/** Where a document came from: the last event that shaped it. */
export interface Provenance {
  readonly position: number;
  readonly at: string;
  readonly by: Actor;
}

/** A project as declared. Key: name. */
export interface ProjectView {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: ProjectSpec;
  readonly declared: Provenance;
}

/** What a ref of a repository points to. */
export interface RefView {
  readonly revision: string;
  readonly commit: CommitInfo;
  readonly observedAt: string;
  readonly position: number;
  /** Id of the RevisionObserved event and the correlation of the change it began. */
  readonly eventId: string;
  readonly correlationId: string;
  /** Set while the ref does not exist at the source; the last good revision stays in force. */
  readonly missing?: string;
}

/** A repository and what is known of its refs. Key: name. */
export interface RepositoryView {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: RepositorySpec;
  readonly declared: Provenance;
  readonly connection: Condition<'Ready' | 'Unreachable' | 'Unknown'>;
  readonly refs: Readonly<Record<string, RefView>>;
  /** Resources that the repository declares: the newest revision that was read, and whether it is in force. */
  readonly resources?: {
    readonly revision: string;
    readonly digest?: string;
    readonly state: 'Read' | 'Applied' | 'Refused' | 'Unreadable';
    readonly message: string;
    readonly at: string;
    readonly eventId: string;
    readonly correlationId: string;
  };
}

/** A cluster and its connection. Key: name. */
export interface ClusterView {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: ClusterSpec;
  readonly declared: Provenance;
  readonly connection: Condition<'Connected' | 'Unreachable' | 'Unknown'>;
  readonly uid?: string;
  readonly kubernetesVersion?: string;
  readonly apisDigest?: string;
}

/** The state of one environment of an application. */
export interface EnvironmentView {
  readonly name: string;
  /** Newest version rendered for the environment. */
  readonly latestVersion?: number;
  readonly latestRevision?: string;
  readonly latestRenderDigest?: string;
  readonly latestInputDigest?: string;
  /** Version that is released: what its targets should run. */
  readonly released?: {
    readonly version: number;
    readonly releaseId: string;
    readonly generation: number;
    readonly kind: 'Automatic' | 'Approved' | 'Rollback';
    readonly renderDigest: string;
    readonly clusters: readonly string[];
    readonly at: string;
    readonly position: number;
  };
  readonly renderError?: {
    readonly revision: string;
    readonly reason: string;
    readonly message: string;
    readonly at: string;
  };
}

/** An application, its spec and its environments. Key: project/name. */
export interface ApplicationView {
  readonly id: string;
  readonly project: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: ApplicationSpec;
  readonly declared: Provenance;
  readonly suspended?: { readonly at: string; readonly by: Actor; readonly reason?: string };
  /** Set when removal was asked for and targets still have objects. */
  readonly removal?: {
    readonly mode: 'Delete' | 'Orphan';
    readonly at: string;
    readonly by: Actor;
    readonly position: number;
  };
  /** Highest version number of the application. */
  readonly latestVersion: number;
  readonly environments: Readonly<Record<string, EnvironmentView>>;
}

/** How far the decision on a version is. */
export type DecisionState =
  'Pending' | 'WaitingApproval' | 'Waiting' | 'Released' | 'Blocked' | 'Rejected' | 'Superseded';

/** One approval that counted. */
export interface ApprovalRecord {
  readonly approver: string;
  readonly approverName: string;
  readonly comment?: string;
  readonly at: string;
  readonly eventId: string;
}

/** One version of an application in one environment. Key: project/name/NNNNNNNN/environment. */
export interface VersionView {
  readonly application: string;
  readonly environment: string;
  readonly version: number;
  readonly repository: string;
  readonly revision: string;
  readonly commit: CommitInfo;
  readonly inputDigest: string;
  readonly renderDigest: string;
  readonly sourcesDigest: string;
  readonly renderer: string;
  readonly objectCount: number;
  readonly namespace?: string;
  readonly createNamespace: boolean;
  readonly renderedAt: string;
  readonly position: number;
  readonly eventId: string;
  readonly correlationId: string;
  readonly decision: Condition<DecisionState>;
  readonly verdicts: readonly Verdict[];
  readonly approvals?: {
    readonly required: number;
    readonly granted: readonly ApprovalRecord[];
    readonly excluded: readonly string[];
  };
  readonly releases: readonly {
    readonly releaseId: string;
    readonly generation: number;
    readonly kind: string;
    readonly at: string;
    readonly by: Actor;
    readonly reason?: string;
    readonly clusters: readonly string[];
  }[];
  readonly plans: Readonly<
    Record<
      string,
      {
        readonly planDigest?: string;
        readonly partial: boolean;
        readonly changes?: ChangeList;
        readonly error?: string;
        readonly guard?: string;
        readonly at: string;
      }
    >
  >;
}

/** A drifted object of a target. */
export interface DriftView {
  readonly key: string;
  readonly kind: 'Changed' | 'Missing' | 'Replaced' | 'Unmarked';
  readonly fields: readonly string[];
  readonly actors: readonly string[];
}

/** One application in one environment on one cluster. Key: project/name/environment/cluster. */
export interface TargetView {
  readonly id: string;
  readonly application: string;
  readonly environment: string;
  readonly cluster: string;
  /** Version that the newest release wants here; absent when the target is to be removed. */
  readonly desiredVersion?: number;
  readonly desiredRelease?: string;
  readonly desiredGeneration?: number;
  /** Version of the last sync that succeeded. */
  readonly version?: number;
  readonly renderDigest?: string;
  readonly sync: Condition<SyncState>;
  readonly health: Condition<HealthState>;
  readonly unhealthy: readonly {
    readonly key: string;
    readonly health: HealthState;
    readonly reason: string;
    readonly message: string;
  }[];
  readonly drift: readonly DriftView[];
  readonly inventoryDigest?: string;
  readonly objectCount: number;
  readonly running?: {
    readonly syncId: string;
    readonly version: number;
    readonly cause: SyncCause;
    readonly startedAt: string;
  };
  readonly lastSync?: {
    readonly syncId: string;
    readonly version: number;
    readonly renderDigest: string;
    readonly cause: SyncCause;
    readonly result: 'Succeeded' | 'Failed' | 'Partial' | 'Refused';
    readonly reason: string;
    readonly message: string;
    readonly changes?: ChangeList;
    readonly objects?: readonly ObjectChange[];
    readonly at: string;
    readonly durationMs: number;
    readonly position: number;
  };
}

/** A version that waits for approvals. Key as of the version; the document goes when it no longer waits. */
export interface ApprovalView {
  readonly application: string;
  readonly environment: string;
  readonly version: number;
  readonly renderDigest: string;
  readonly required: number;
  readonly granted: readonly ApprovalRecord[];
  readonly excluded: readonly string[];
  readonly requestedAt: string;
  readonly commit: CommitInfo;
}

/** An access token (never the token itself). Key: id. */
export interface TokenView {
  readonly id: string;
  readonly name: string;
  readonly role: 'viewer' | 'operator' | 'admin';
  readonly hash: string;
  readonly emails: readonly string[];
  readonly issuedAt: string;
  readonly expiresAt?: string;
  readonly revokedAt?: string;
}

/** A subscription, how far its deliveries are, and what its endpoint did not take. Key: name. */
export interface SubscriptionView {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: SubscriptionSpec;
  readonly declared: Provenance;
  /** Everything up to here was delivered or parked, at least. */
  readonly position: number;
  /** Deliveries that the endpoint took, as far as they were counted. */
  readonly delivered: number;
  readonly progressedAt?: string;
  /** The last time that somebody asked to deliver again. */
  readonly replayed?: Provenance;
  /** Position of the declaration or replay that deliveries began with, when the newest declaration only changed how they are made. */
  readonly begun?: number;
  /** Per key (an application, or else a stream): the event that was not taken. What follows of the key waits for a replay. */
  readonly parked: readonly {
    readonly position: number;
    readonly key: string;
    readonly attempts: number;
    readonly message: string;
    readonly at: string;
  }[];
}

/** Document type per view kind. */
export interface ViewDocuments {
  readonly project: ProjectView;
  readonly repository: RepositoryView;
  readonly cluster: ClusterView;
  readonly application: ApplicationView;
  readonly version: VersionView;
  readonly target: TargetView;
  readonly approval: ApprovalView;
  readonly token: TokenView;
  readonly subscription: SubscriptionView;
}

/** Kinds of views. */
export const ViewKind = [
  'project',
  'repository',
  'cluster',
  'application',
  'version',
  'target',
  'approval',
  'token',
  'subscription',
] as const;
/** One of {@link ViewKind}. */
export type ViewKind = (typeof ViewKind)[number];

/** A change of one document; `document` absent = removed. */
export type ViewChange = {
  readonly [Kind in ViewKind]: {
    readonly view: Kind;
    readonly key: string;
    readonly document: ViewDocuments[Kind] | undefined;
  };
}[ViewKind];

/** Reads documents as the events so far left them. */
export interface ViewReader<Kinds extends ViewKind = ViewKind> {
  /** Returns the document, or `undefined` if it does not exist. */
  get<Kind extends Kinds>(view: Kind, key: string): ViewDocuments[Kind] | undefined;
  /** Returns keys and documents whose key starts with the prefix, ordered by key. */
  scan<Kind extends Kinds>(view: Kind, keyPrefix: string): Iterable<readonly [string, ViewDocuments[Kind]]>;
}
