// SPDX-License-Identifier: Apache-2.0
import { ApplicationId } from '@plumbline/core';
import type { RecordedEvent } from '@plumbline/events';
import type {
  ApprovalView,
  ClusterView,
  ProjectView,
  RepositoryView,
  SubscriptionView,
  TargetView,
  VersionView,
} from '@plumbline/read-models';
import type {
  Accepted,
  ApplicationItem,
  ApplicationStatus,
  ApplyRequest,
  ApplyResult,
  ApprovalRequest,
  ApprovalResult,
  AuditQuery,
  AuditResult,
  ChangeResult,
  DiffResult,
  EventsPage,
  EventsQuery,
  HistoryEntry,
  IssuedToken,
  MomentQuery,
  Page,
  PageQuery,
  PlanRequest,
  PlanResult,
  RollbackRequest,
  RollbackResult,
  SubscriptionRequest,
  SubscriptionResult,
  SyncRequest,
  TokenItem,
  TokenRequest,
  VersionInfo,
  WhoAmI,
} from './contract.js';
import { followEvents, type FollowOptions } from './event-stream.js';
import { type ClientOptions, Http } from './http.js';

/** Which state of one thing is wanted. */
export type ItemQuery = Pick<PageQuery, 'minPosition' | 'asOf' | 'knownAt'>;

const API = '/api/v1';
const DEFAULT_WAIT_MS = 30_000;

/**
 * The REST API of a Plumbline server, typed. Applications are named `NAME` (project `default`) or `PROJECT/NAME`.
 * Every method throws `ApiError` for what the server refuses and `UpstreamError` PLB-6701 when it cannot be reached.
 */
export class PlumblineClient {
  readonly #http: Http;

  constructor(options: ClientOptions) {
    this.#http = new Http(options);
  }

  version(): Promise<VersionInfo> {
    return this.#get('/version');
  }

  whoAmI(): Promise<WhoAmI> {
    return this.#get('/whoami');
  }

  /** Declares resources; all of them or none. Sending the same again changes nothing. */
  apply(request: ApplyRequest): Promise<ApplyResult> {
    return this.#post('/resources:apply', request);
  }

  deleteProject(name: string): Promise<ChangeResult> {
    return this.#delete(`/projects/${encodeURIComponent(name)}`);
  }

  deleteRepository(name: string): Promise<ChangeResult> {
    return this.#delete(`/repositories/${encodeURIComponent(name)}`);
  }

  /** `force` forgets a cluster on which objects of ours may still be. */
  deleteCluster(name: string, options: { readonly force?: boolean } = {}): Promise<ChangeResult> {
    return this.#delete(`/clusters/${encodeURIComponent(name)}`, { force: options.force });
  }

  /** `delete` (default) removes its objects from the clusters, `orphan` leaves them there. */
  deleteApplication(application: string, options: { readonly mode?: 'delete' | 'orphan' } = {}): Promise<ChangeResult> {
    return this.#delete(applicationPath(application), { mode: options.mode });
  }

  projects(query: PageQuery = {}): Promise<Page<ProjectView>> {
    return this.#get('/projects', query);
  }

  project(name: string, query: ItemQuery = {}): Promise<ProjectView> {
    return this.#get(`/projects/${encodeURIComponent(name)}`, query);
  }

  repositories(query: PageQuery = {}): Promise<Page<RepositoryView>> {
    return this.#get('/repositories', query);
  }

  repository(name: string, query: ItemQuery = {}): Promise<RepositoryView> {
    return this.#get(`/repositories/${encodeURIComponent(name)}`, query);
  }

  clusters(query: PageQuery = {}): Promise<Page<ClusterView>> {
    return this.#get('/clusters', query);
  }

  cluster(name: string, query: ItemQuery = {}): Promise<ClusterView> {
    return this.#get(`/clusters/${encodeURIComponent(name)}`, query);
  }

  applications(query: PageQuery & { readonly project?: string } = {}): Promise<Page<ApplicationItem>> {
    return this.#get('/applications', query);
  }

  application(application: string, query: ItemQuery = {}): Promise<ApplicationItem> {
    return this.#get(applicationPath(application), query);
  }

  /** The application, its environments with their newest and released versions, and their targets, at one position. */
  status(application: string, query: ItemQuery = {}): Promise<ApplicationStatus> {
    return this.#get(`${applicationPath(application)}/status`, query);
  }

  /** Versions in ascending order, one item per environment. */
  versions(application: string, query: PageQuery & { readonly environment?: string } = {}): Promise<Page<VersionView>> {
    return this.#get(`${applicationPath(application)}/versions`, query);
  }

  /** One version in every environment that it was rendered for. */
  versionOf(application: string, version: number, query: ItemQuery = {}): Promise<Page<VersionView>> {
    return this.#get(`${applicationPath(application)}/versions/${version}`, query);
  }

  /** Versions with what was decided and what came of it, newest first. */
  history(application: string, query: PageQuery = {}): Promise<Page<HistoryEntry>> {
    return this.#get(`${applicationPath(application)}/history`, query);
  }

  targets(
    query: PageQuery & { readonly application?: string; readonly environment?: string; readonly cluster?: string } = {},
  ): Promise<Page<TargetView>> {
    return this.#get('/targets', {
      ...query,
      application: query.application === undefined ? undefined : ApplicationId.parse(query.application),
    });
  }

  approvals(query: PageQuery & { readonly application?: string } = {}): Promise<Page<ApprovalView>> {
    return this.#get('/approvals', {
      ...query,
      application: query.application === undefined ? undefined : ApplicationId.parse(query.application),
    });
  }

  /** What changes between two versions; from what is released to the newest when nothing is given. */
  diff(
    application: string,
    query: MomentQuery & { readonly from?: number; readonly to?: number; readonly environment?: string } = {},
  ): Promise<DiffResult> {
    return this.#get(`${applicationPath(application)}/diff`, query);
  }

  /** Asks what a sync would do now, and waits for the answer of every target. */
  plan(application: string, request: PlanRequest = {}): Promise<PlanResult> {
    return this.#waiting(`${applicationPath(application)}/plan`, request);
  }

  approve(application: string, version: number, request: ApprovalRequest = {}): Promise<ApprovalResult> {
    return this.#waiting(`${applicationPath(application)}/versions/${version}/approve`, request);
  }

  reject(application: string, version: number, request: ApprovalRequest = {}): Promise<ApprovalResult> {
    return this.#waiting(`${applicationPath(application)}/versions/${version}/reject`, request);
  }

  sync(application: string, request: SyncRequest = {}): Promise<Accepted> {
    return this.#post(`${applicationPath(application)}/sync`, request);
  }

  rollback(application: string, request: RollbackRequest): Promise<RollbackResult> {
    return this.#waiting(`${applicationPath(application)}/rollback`, request);
  }

  suspend(application: string, reason?: string): Promise<ChangeResult> {
    return this.#post(`${applicationPath(application)}/suspend`, reason === undefined ? {} : { reason });
  }

  resume(application: string): Promise<ChangeResult> {
    return this.#post(`${applicationPath(application)}/resume`, {});
  }

  /** Looks at the repository now. */
  refresh(repository: string): Promise<Accepted> {
    return this.#post(`/repositories/${encodeURIComponent(repository)}/refresh`, {});
  }

  events(query: EventsQuery = {}): Promise<EventsPage> {
    return this.#get('/events', { ...query });
  }

  /** See {@link followEvents}. */
  follow(options: FollowOptions = {}): AsyncGenerator<RecordedEvent> {
    return followEvents(this.#http, options);
  }

  audit(query: AuditQuery = {}): Promise<AuditResult> {
    return this.#get('/audit', { ...query });
  }

  subscriptions(query: PageQuery = {}): Promise<Page<SubscriptionView>> {
    return this.#get('/subscriptions', query);
  }

  subscription(name: string, query: ItemQuery = {}): Promise<SubscriptionView> {
    return this.#get(`/subscriptions/${encodeURIComponent(name)}`, query);
  }

  /** Events from now on are sent to the endpoint. Sending the same again changes nothing. */
  declareSubscription(request: SubscriptionRequest): Promise<SubscriptionResult> {
    return this.#post('/subscriptions', request);
  }

  deleteSubscription(name: string): Promise<ChangeResult> {
    return this.#delete(`/subscriptions/${encodeURIComponent(name)}`);
  }

  /** Delivers everything after a position again, what was parked included. */
  replaySubscription(name: string, after: number): Promise<{ readonly position: number }> {
    return this.#post(`/subscriptions/${encodeURIComponent(name)}/replay`, { after });
  }

  tokens(query: PageQuery = {}): Promise<Page<TokenItem>> {
    return this.#get('/tokens', query);
  }

  issueToken(request: TokenRequest): Promise<IssuedToken> {
    return this.#post('/tokens', request);
  }

  revokeToken(id: string): Promise<ChangeResult> {
    return this.#delete(`/tokens/${encodeURIComponent(id)}`);
  }

  #get<Result>(path: string, query: object = {}): Promise<Result> {
    return this.#http.json({ method: 'GET', path: API + path, query: { ...query } });
  }

  #post<Result>(path: string, body: unknown): Promise<Result> {
    return this.#http.json({ method: 'POST', path: API + path, body });
  }

  #waiting<Result>(path: string, body: { readonly timeoutMs?: number }): Promise<Result> {
    return this.#http.json({ method: 'POST', path: API + path, body, serverWaitMs: body.timeoutMs ?? DEFAULT_WAIT_MS });
  }

  #delete<Result>(path: string, query: Readonly<Record<string, string | boolean | undefined>> = {}): Promise<Result> {
    return this.#http.json({ method: 'DELETE', path: API + path, query });
  }
}

function applicationPath(application: string): string {
  return `/applications/${ApplicationId.parse(application)}`;
}
