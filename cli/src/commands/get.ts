// SPDX-License-Identifier: Apache-2.0
import type { ApplicationItem, Page, PageQuery, PlumblineClient, TokenItem } from '@plumbline/api-client';
import type {
  ApprovalView,
  ClusterView,
  ProjectView,
  RepositoryView,
  SubscriptionView,
  TargetView,
  VersionView,
} from '@plumbline/read-models';
import { type CommandContext, print } from '../context.js';
import { CommandError, ExitCode } from '../exit-code.js';
import { ago, table } from '../output/terminal.js';
import { contextAt, isPast, type PointInTimeOptions, pointInTimeQuery } from './point-in-time.js';
import { singularKind } from './resources.js';

/** Filters of `plumb get`. */
export interface GetOptions extends PointInTimeOptions {
  readonly project?: string;
  readonly environment?: string;
  readonly cluster?: string;
}

interface Listing<Item> {
  readonly list: (
    client: PlumblineClient,
    name: string | undefined,
    options: GetOptions,
    query: PageQuery,
  ) => Promise<Page<Item>>;
  readonly matches?: (item: Item, name: string) => boolean;
  readonly header: readonly string[];
  readonly wideHeader?: readonly string[];
  readonly row: (item: Item, nowMs: number) => readonly string[];
  readonly wide?: (item: Item) => readonly string[];
}

const short = (revision: string | undefined): string => revision?.slice(0, 12) ?? '';
const text = (value: number | string | undefined): string => (value === undefined ? '' : String(value));
const labels = (of: Readonly<Record<string, string>>): string =>
  Object.entries(of)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');

const applications: Listing<ApplicationItem> = {
  list: (client, _, options, query) =>
    client.applications({ ...query, ...(options.project === undefined ? {} : { project: options.project }) }),
  matches: (item, name) => item.id === (name.includes('/') ? name : `default/${name}`),
  header: ['APPLICATION', 'SYNC', 'HEALTH', 'VERSIONS', 'SINCE'],
  wideHeader: ['REPOSITORY', 'REF', 'PATH', 'MESSAGE'],
  row: (item, nowMs) => [
    item.id,
    item.suspended === undefined ? item.summary.sync.state : `${item.summary.sync.state} (suspended)`,
    item.summary.health.state,
    item.summary.environments
      .map(
        ({ name, releasedVersion, latestVersion }) =>
          `${name}:${releasedVersion ?? '-'}${latestVersion !== undefined && latestVersion !== releasedVersion ? `→${latestVersion}` : ''}`,
      )
      .join(' '),
    ago(item.summary.sync.since, nowMs),
  ],
  wide: (item) => [item.spec.repository, item.spec.ref, item.spec.path, item.summary.sync.message],
};

const versions: Listing<VersionView> = {
  list: (client, name, options, query) => {
    if (name === undefined) throw new CommandError(ExitCode.usage, 'give the application: plumb get versions APP');
    return client.versions(name, {
      ...query,
      ...(options.environment === undefined ? {} : { environment: options.environment }),
    });
  },
  header: ['VERSION', 'ENVIRONMENT', 'DECISION', 'REVISION', 'OBJECTS', 'AGE', 'MESSAGE'],
  wideHeader: ['AUTHOR', 'RENDERER', 'DIGEST'],
  row: (item, nowMs) => [
    text(item.version),
    item.environment,
    item.decision.state,
    short(item.revision),
    text(item.objectCount),
    ago(item.renderedAt, nowMs),
    item.commit.message.slice(0, 60),
  ],
  wide: (item) => [item.commit.author.email, item.renderer, item.renderDigest.slice(0, 19)],
};

const targets: Listing<TargetView> = {
  list: (client, name, options, query) =>
    client.targets({
      ...query,
      ...(name === undefined ? {} : { application: name }),
      ...(options.environment === undefined ? {} : { environment: options.environment }),
      ...(options.cluster === undefined ? {} : { cluster: options.cluster }),
    }),
  header: ['TARGET', 'SYNC', 'HEALTH', 'VERSION', 'DESIRED', 'OBJECTS', 'SINCE'],
  wideHeader: ['DRIFT', 'REASON', 'MESSAGE'],
  row: (item, nowMs) => [
    item.id,
    item.sync.state,
    item.health.state,
    text(item.version),
    text(item.desiredVersion),
    text(item.objectCount),
    ago(item.sync.since, nowMs),
  ],
  wide: (item) => [text(item.drift.length), item.sync.reason, item.sync.message],
};

const clusters: Listing<ClusterView> = {
  list: (client, _, __, query) => client.clusters(query),
  matches: (item, name) => item.name === name,
  header: ['CLUSTER', 'STATE', 'KUBERNETES', 'LABELS', 'SINCE'],
  wideHeader: ['CONNECTION', 'UID', 'MESSAGE'],
  row: (item, nowMs) => [
    item.name,
    item.connection.state,
    text(item.kubernetesVersion),
    labels(item.labels),
    ago(item.connection.since, nowMs),
  ],
  wide: (item) => [Object.keys(item.spec).join(), text(item.uid), item.connection.message],
};

const repositories: Listing<RepositoryView> = {
  list: (client, _, __, query) => client.repositories(query),
  matches: (item, name) => item.name === name,
  header: ['REPOSITORY', 'STATE', 'REFS', 'URL', 'SINCE'],
  wideHeader: ['INTERVAL', 'MESSAGE'],
  row: (item, nowMs) => [
    item.name,
    item.connection.state,
    Object.entries(item.refs)
      .map(([ref, { revision, missing }]) => `${ref}@${short(revision)}${missing === undefined ? '' : ' (missing)'}`)
      .join(' '),
    item.spec.url,
    ago(item.connection.since, nowMs),
  ],
  wide: (item) => [item.spec.interval, item.connection.message],
};

const approvals: Listing<ApprovalView> = {
  list: (client, name, _, query) =>
    client.approvals({ ...query, ...(name === undefined ? {} : { application: name }) }),
  header: ['APPLICATION', 'ENVIRONMENT', 'VERSION', 'APPROVALS', 'REVISION', 'AUTHOR', 'WAITING'],
  wideHeader: ['DIGEST', 'EXCLUDED'],
  row: (item, nowMs) => [
    item.application,
    item.environment,
    text(item.version),
    `${item.granted.length}/${item.required}`,
    short(item.commit.sha),
    item.commit.author.email,
    ago(item.requestedAt, nowMs),
  ],
  wide: (item) => [item.renderDigest.slice(0, 19), item.excluded.join(',')],
};

const projects: Listing<ProjectView> = {
  list: (client, _, __, query) => client.projects(query),
  matches: (item, name) => item.name === name,
  header: ['PROJECT', 'REPOSITORIES', 'CLUSTERS', 'NAMESPACES', 'FORBIDDEN'],
  row: (item) => [
    item.name,
    item.spec.repositories.join(),
    item.spec.clusters.join(),
    item.spec.namespaces.join(),
    item.spec.forbiddenKinds.join(),
  ],
};

const subscriptions: Listing<SubscriptionView> = {
  list: (client, _, __, query) => client.subscriptions(query),
  matches: (item, name) => item.name === name,
  header: ['SUBSCRIPTION', 'POSITION', 'DELIVERED', 'DEAD-LETTERED', 'SINCE'],
  wideHeader: ['URL', 'FILTER', 'MESSAGE'],
  row: (item, nowMs) => [
    item.spec.paused === true ? `${item.name} (paused)` : item.name,
    text(item.position),
    text(item.delivered),
    text(item.parked.length),
    ago(item.progressedAt ?? item.declared.at, nowMs),
  ],
  wide: (item) => [item.spec.url, JSON.stringify(item.spec.filter), item.parked[0]?.message ?? ''],
};

const tokens: Listing<TokenItem> = {
  list: (client, _, __, query) => client.tokens(query),
  matches: (item, name) => item.id === name,
  header: ['ID', 'NAME', 'ROLE', 'ISSUED', 'EXPIRES', 'REVOKED'],
  row: (item) => [item.id, item.name, item.role, item.issuedAt, item.expiresAt ?? 'never', item.revokedAt ?? ''],
};

/** `plumb get KIND [NAME]`. */
export async function get(
  context: CommandContext,
  kind: string,
  name: string | undefined,
  options: GetOptions,
): Promise<void> {
  switch (singularKind(kind)) {
    case 'application':
      return show(context, applications, name, options);
    case 'version':
      return show(context, versions, name, options);
    case 'target':
      return show(context, targets, name, options);
    case 'cluster':
      return show(context, clusters, name, options);
    case 'repository':
      return show(context, repositories, name, options);
    case 'approval':
      return show(context, approvals, name, options);
    case 'project':
      return show(context, projects, name, options);
    case 'subscription':
      return show(context, subscriptions, name, options);
    case 'token':
      return show(context, tokens, name, options);
    default:
      throw new CommandError(
        ExitCode.usage,
        `unknown kind "${kind}": applications, versions, targets, clusters, repositories, approvals, projects, subscriptions or tokens`,
      );
  }
}

async function show<Item>(
  present: CommandContext,
  listing: Listing<Item>,
  name: string | undefined,
  options: GetOptions,
): Promise<void> {
  const context = contextAt(present, options);
  let asOfQuery = pointInTimeQuery(options);
  const items: Item[] = [];
  const client = context.client();
  let cursor: string | undefined;
  do {
    const page: Page<Item> = await listing.list(client, name, options, {
      limit: 500,
      ...asOfQuery,
      ...(cursor === undefined ? {} : { cursor }),
    });
    // All pages read the state of the first one, also if events are recorded meanwhile.
    if (isPast(asOfQuery)) asOfQuery = { ...asOfQuery, knownAt: page.position };
    items.push(...page.items);
    cursor = page.cursor;
  } while (cursor !== undefined);
  const { matches } = listing;
  const wanted = name === undefined || matches === undefined ? items : items.filter((item) => matches(item, name));
  if (name !== undefined && matches !== undefined && wanted.length === 0)
    throw new CommandError(ExitCode.notFound, `"${name}" does not exist`);
  const value = name !== undefined && matches !== undefined ? wanted[0] : { items: wanted };
  print(context, value, (wide) => {
    if (wanted.length === 0) return 'nothing there\n';
    const header = wide ? [...listing.header, ...(listing.wideHeader ?? [])] : listing.header;
    return table(
      context.terminal,
      header,
      wanted.map((item) => [...listing.row(item, context.nowMs()), ...(wide ? (listing.wide?.(item) ?? []) : [])]),
    );
  });
}
