// SPDX-License-Identifier: Apache-2.0
import {
  type AnyOperation,
  applyResources,
  approveVersion,
  type BodyOf,
  declareSubscription,
  deleteApplication,
  deleteCluster,
  deleteProject,
  deleteRepository,
  deleteSubscription,
  diffVersions,
  getApplication,
  getApplicationStatus,
  getCluster,
  getHistory,
  getProject,
  getRepository,
  getServerVersion,
  getSubscription,
  getVersion,
  issueToken,
  type ItemQuery,
  listApplications,
  listApprovals,
  listClusters,
  listProjects,
  listRepositories,
  listSubscriptions,
  listTargets,
  listTokens,
  listVersions,
  planApplication,
  queryAudit,
  type QueryOf,
  readEvents,
  refreshRepository,
  rejectVersion,
  replaySubscription,
  type ResultOf,
  resumeApplication,
  revokeToken,
  rollbackApplication,
  suspendApplication,
  syncApplication,
  whoAmI,
} from '@plumbline/api-contract';
import { ApplicationId } from '@plumbline/core';
import type { RecordedEvent } from '@plumbline/events';
import { call } from './call.js';
import { followEvents, type FollowOptions } from './event-stream.js';
import { type ClientOptions, Http } from './http.js';

/** A resource as people write it: defaults may be left out. The server validates its spec. */
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

/** Resources to declare. */
export type ApplyRequest = Omit<BodyOf<typeof applyResources>, 'resources'> & {
  readonly resources: readonly ResourceInput[];
};

/** A point of the log to read at: a position or an RFC 3339 time. The current state when both are absent. */
export type AsOfQuery = Pick<ItemQuery, 'asOf' | 'knownAt'>;

/** Answer of an operation, later. */
type Answer<Op extends AnyOperation> = Promise<ResultOf<Op>>;

/**
 * The REST API of a Plumbline server, typed by the operations of `@plumbline/api-contract`. Applications are named
 * `NAME` (project `default`) or
 * `PROJECT/NAME`. Every method throws `ApiError` for error answers of the server and `UpstreamError` PLB-6701 when it
 * cannot be reached.
 */
export class PlumblineClient {
  readonly #http: Http;

  constructor(options: ClientOptions) {
    this.#http = new Http(options);
  }

  version(): Answer<typeof getServerVersion> {
    return call(this.#http, getServerVersion);
  }

  whoAmI(): Answer<typeof whoAmI> {
    return call(this.#http, whoAmI);
  }

  /** Declares resources; all of them or none. Sending the same again changes nothing. */
  apply(request: ApplyRequest): Answer<typeof applyResources> {
    return call(this.#http, applyResources, { body: request as BodyOf<typeof applyResources> });
  }

  deleteProject(name: string): Answer<typeof deleteProject> {
    return call(this.#http, deleteProject, { params: { name } });
  }

  deleteRepository(name: string): Answer<typeof deleteRepository> {
    return call(this.#http, deleteRepository, { params: { name } });
  }

  /** `force` removes a cluster on which managed objects may still exist. */
  deleteCluster(name: string, query: QueryOf<typeof deleteCluster> = {}): Answer<typeof deleteCluster> {
    return call(this.#http, deleteCluster, { params: { name }, query });
  }

  /** `delete` (default) removes its objects from the clusters, `orphan` leaves them there. */
  deleteApplication(
    application: string,
    query: QueryOf<typeof deleteApplication> = {},
  ): Answer<typeof deleteApplication> {
    return call(this.#http, deleteApplication, { params: applicationOf(application), query });
  }

  projects(query: QueryOf<typeof listProjects> = {}): Answer<typeof listProjects> {
    return call(this.#http, listProjects, { query });
  }

  project(name: string, query: QueryOf<typeof getProject> = {}): Answer<typeof getProject> {
    return call(this.#http, getProject, { params: { name }, query });
  }

  repositories(query: QueryOf<typeof listRepositories> = {}): Answer<typeof listRepositories> {
    return call(this.#http, listRepositories, { query });
  }

  repository(name: string, query: QueryOf<typeof getRepository> = {}): Answer<typeof getRepository> {
    return call(this.#http, getRepository, { params: { name }, query });
  }

  clusters(query: QueryOf<typeof listClusters> = {}): Answer<typeof listClusters> {
    return call(this.#http, listClusters, { query });
  }

  cluster(name: string, query: QueryOf<typeof getCluster> = {}): Answer<typeof getCluster> {
    return call(this.#http, getCluster, { params: { name }, query });
  }

  applications(query: QueryOf<typeof listApplications> = {}): Answer<typeof listApplications> {
    return call(this.#http, listApplications, { query });
  }

  application(application: string, query: QueryOf<typeof getApplication> = {}): Answer<typeof getApplication> {
    return call(this.#http, getApplication, { params: applicationOf(application), query });
  }

  /** The application, its environments with their newest and released versions, and their targets, at one position. */
  status(application: string, query: QueryOf<typeof getApplicationStatus> = {}): Answer<typeof getApplicationStatus> {
    return call(this.#http, getApplicationStatus, { params: applicationOf(application), query });
  }

  /** Versions in ascending order, one item per environment. */
  versions(application: string, query: QueryOf<typeof listVersions> = {}): Answer<typeof listVersions> {
    return call(this.#http, listVersions, { params: applicationOf(application), query });
  }

  /** One version in every environment that it was rendered for. */
  versionOf(application: string, version: number, query: QueryOf<typeof getVersion> = {}): Answer<typeof getVersion> {
    return call(this.#http, getVersion, { params: { ...applicationOf(application), version }, query });
  }

  /** Versions with their decisions and outcomes, newest first. */
  history(application: string, query: QueryOf<typeof getHistory> = {}): Answer<typeof getHistory> {
    return call(this.#http, getHistory, { params: applicationOf(application), query });
  }

  targets(query: QueryOf<typeof listTargets> = {}): Answer<typeof listTargets> {
    return call(this.#http, listTargets, { query: withApplication(query) });
  }

  approvals(query: QueryOf<typeof listApprovals> = {}): Answer<typeof listApprovals> {
    return call(this.#http, listApprovals, { query: withApplication(query) });
  }

  /** The differences between two versions; by default between the released and the newest one. */
  diff(application: string, query: QueryOf<typeof diffVersions> = {}): Answer<typeof diffVersions> {
    return call(this.#http, diffVersions, { params: applicationOf(application), query });
  }

  /** Requests the plan of a sync and waits for the answer of every target. */
  plan(application: string, body: BodyOf<typeof planApplication> = {}): Answer<typeof planApplication> {
    return call(this.#http, planApplication, { params: applicationOf(application), body });
  }

  approve(
    application: string,
    version: number,
    body: BodyOf<typeof approveVersion> = {},
  ): Answer<typeof approveVersion> {
    return call(this.#http, approveVersion, { params: { ...applicationOf(application), version }, body });
  }

  reject(application: string, version: number, body: BodyOf<typeof rejectVersion> = {}): Answer<typeof rejectVersion> {
    return call(this.#http, rejectVersion, { params: { ...applicationOf(application), version }, body });
  }

  sync(application: string, body: BodyOf<typeof syncApplication> = {}): Answer<typeof syncApplication> {
    return call(this.#http, syncApplication, { params: applicationOf(application), body });
  }

  rollback(application: string, body: BodyOf<typeof rollbackApplication>): Answer<typeof rollbackApplication> {
    return call(this.#http, rollbackApplication, { params: applicationOf(application), body });
  }

  suspend(application: string, reason?: string): Answer<typeof suspendApplication> {
    return call(this.#http, suspendApplication, { params: applicationOf(application), body: { reason } });
  }

  resume(application: string): Answer<typeof resumeApplication> {
    return call(this.#http, resumeApplication, { params: applicationOf(application) });
  }

  /** Polls the repository now. */
  refresh(repository: string): Answer<typeof refreshRepository> {
    return call(this.#http, refreshRepository, { params: { name: repository } });
  }

  events(query: QueryOf<typeof readEvents> = {}): Answer<typeof readEvents> {
    return call(this.#http, readEvents, { query });
  }

  /** See {@link followEvents}. */
  follow(options: FollowOptions = {}): AsyncGenerator<RecordedEvent> {
    return followEvents(this.#http, options);
  }

  audit(query: QueryOf<typeof queryAudit> = {}): Answer<typeof queryAudit> {
    return call(this.#http, queryAudit, { query });
  }

  subscriptions(query: QueryOf<typeof listSubscriptions> = {}): Answer<typeof listSubscriptions> {
    return call(this.#http, listSubscriptions, { query });
  }

  subscription(name: string, query: QueryOf<typeof getSubscription> = {}): Answer<typeof getSubscription> {
    return call(this.#http, getSubscription, { params: { name }, query });
  }

  /** Sends events from now on to the endpoint. Sending the same declaration again changes nothing. */
  declareSubscription(body: BodyOf<typeof declareSubscription>): Answer<typeof declareSubscription> {
    return call(this.#http, declareSubscription, { body });
  }

  deleteSubscription(name: string): Answer<typeof deleteSubscription> {
    return call(this.#http, deleteSubscription, { params: { name } });
  }

  /** Delivers everything after a position again, dead-lettered deliveries included. */
  replaySubscription(name: string, after: number): Answer<typeof replaySubscription> {
    return call(this.#http, replaySubscription, { params: { name }, body: { after } });
  }

  tokens(query: QueryOf<typeof listTokens> = {}): Answer<typeof listTokens> {
    return call(this.#http, listTokens, { query });
  }

  issueToken(body: BodyOf<typeof issueToken>): Answer<typeof issueToken> {
    return call(this.#http, issueToken, { body });
  }

  revokeToken(id: string): Answer<typeof revokeToken> {
    return call(this.#http, revokeToken, { params: { id } });
  }
}

function applicationOf(text: string): { readonly project: string; readonly name: string } {
  const [project = '', name = ''] = ApplicationId.parse(text).split('/');
  return { project, name };
}

/** The query with its application as `PROJECT/NAME`. */
function withApplication<Query extends { readonly application?: string | undefined }>(query: Query): Query {
  return query.application === undefined ? query : { ...query, application: ApplicationId.parse(query.application) };
}
