// SPDX-License-Identifier: Apache-2.0
import type {
  ApplicationView,
  ApprovalView,
  ClusterView,
  ProjectView,
  Provenance,
  RepositoryView,
  SubscriptionView,
  TargetView,
  TokenItem,
  VersionView,
} from '@plumbline/api-contract';

export type {
  ApplicationView,
  ApprovalRecord,
  ApprovalView,
  ClusterView,
  DecisionState,
  DriftView,
  EnvironmentView,
  ProjectView,
  Provenance,
  RefView,
  RepositoryView,
  SubscriptionView,
  TargetView,
  VersionView,
} from '@plumbline/api-contract';

// The documents are those of the public contract: a field that is added there is a field here, and its fold sets it.
// Keys: project, repository, cluster and subscription by name; application by project/name; version and approval by
// project/name/NNNNNNNN/environment; target by project/name/environment/cluster; token by id; quarantine by
// consumer/stream.

/** An access token with the hash that it is recognised by; never the token itself. */
export type TokenView = TokenItem & { readonly hash: string };

/** A stream with an event that a consumer could not process; later events of the stream wait. */
export interface QuarantineView {
  readonly consumer: string;
  readonly stream: string;
  /** Of the event that failed. */
  readonly position: number;
  readonly revision?: number;
  /** Why it failed. */
  readonly message: string;
  /** Times that the failure was recorded: 1, and one for each retry that failed. */
  readonly attempts: number;
  /** RFC 3339, UTC: when the failure was first recorded. */
  readonly since: string;
  /** The newest request to process the stream again; absent when the newest attempt came after it. */
  readonly retryRequested?: Provenance;
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
  readonly quarantine: QuarantineView;
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
  'quarantine',
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
