// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import type {
  ApplicationItem,
  ApplicationStatus,
  EnvironmentDifference,
  HistoryEntry,
  Page,
} from '@plumbline/api-contract';
import { InputError } from '@plumbline/core';
import type { ViewMoment } from '@plumbline/event-log';
import type { ApplicationView, TargetView, VersionView, ViewReader } from '@plumbline/read-models';
import { type DiffInput, DiffService } from '../read-side/diff.service.js';
import { historyFrom, versionEverywhere } from '../read-side/history.js';
import { type ItemQuery, type ListQuery, notFound, noVersion, ReadModel } from '../read-side/read-model.js';
import { inParallel, Past, type WantedVersions } from '../read-side/past.js';
import { applicationItem, environmentsOf } from '../read-side/summary.js';
import { LOG_ACCESS, type LogAccess } from '../state/log-access.js';

/** What a joined answer is made from: the gateway's own fold, or the history of the views. */
interface Source {
  /** Those of now when no versions were wanted. */
  readonly views: ViewReader;
  readonly application: ApplicationView;
  readonly position: number;
  /** Absent for now. */
  readonly at?: ViewMoment;
}

/**
 * Applications and what belongs to them. Answers that join several views come from the gateway's own fold: they are
 * of one position.
 */
@Injectable()
export class ApplicationsService {
  readonly #reads: ReadModel;
  readonly #past: Past;
  readonly #diffs: DiffService;
  readonly #access: LogAccess;

  constructor(
    @Inject(ReadModel) reads: ReadModel,
    @Inject(Past) past: Past,
    @Inject(DiffService) diffs: DiffService,
    @Inject(LOG_ACCESS) access: LogAccess,
  ) {
    this.#reads = reads;
    this.#past = past;
    this.#diffs = diffs;
    this.#access = access;
  }

  async list(input: ListQuery & { readonly project?: string | undefined }): Promise<Page<ApplicationItem>> {
    const { project, ...query } = input;
    const page = await this.#reads.list('application', {
      ...query,
      ...(project === undefined ? {} : { keyPrefix: `${project}/` }),
    });
    const at = await this.#momentOf(query, page.position);
    if (at === undefined)
      return {
        ...page,
        items: page.items.map((application) => applicationItem(this.#access.state.views, application)),
      };
    return {
      ...page,
      items: await inParallel(page.items, async (application) =>
        applicationItem(await this.#past.viewsOf(application, at, 'shown'), application),
      ),
    };
  }

  async get(id: string, query: ItemQuery): Promise<ApplicationItem> {
    const at = await this.#reads.moment(query);
    if (at === undefined)
      return applicationItem(this.#access.state.views, await this.#reads.get('application', id, query));
    const { views, application } = await this.#source(id, query, 'shown');
    return applicationItem(views, application);
  }

  async status(id: string, query: ItemQuery): Promise<ApplicationStatus> {
    const { views, application, position } = await this.#source(id, query, 'shown');
    return {
      application: applicationItem(views, application),
      environments: environmentsOf(views, application),
      position,
    };
  }

  async versions(
    id: string,
    input: ListQuery & { readonly environment?: string | undefined },
  ): Promise<Page<VersionView>> {
    const { environment, ...query } = input;
    if (query.asOf === undefined && query.knownAt === undefined) await this.#folded(id, undefined);
    else await this.#reads.get('application', id, query);
    const filter =
      environment === undefined ? undefined : (document: VersionView): boolean => document.environment === environment;
    return this.#reads.list('version', { ...query, keyPrefix: `${id}/`, filter });
  }

  async version(id: string, version: number, query: ItemQuery): Promise<Page<VersionView>> {
    const { at, position, ...source } = await this.#source(id, query);
    const views = at === undefined ? source.views : await this.#past.versionsOf(id, at, [version]);
    const items = versionEverywhere({ views }, source.application, version);
    if (items.length === 0) throw noVersion(id, version);
    return { items, position };
  }

  async history(id: string, input: ListQuery): Promise<Page<HistoryEntry>> {
    const { application, position, at } = await this.#source(id, input);
    const from = input.cursor === undefined ? application.latestVersion : parseCursor(input.cursor);
    const items =
      at === undefined
        ? historyFrom(this.#access.state, application, from, input.limit)
        : await this.#historyAsOf(application, at, { from, limit: input.limit });
    const next = items.length < input.limit ? 0 : (items.at(-1)?.version ?? 1) - 1;
    return { items, position, ...(next >= 1 ? { cursor: `v${next}` } : {}) };
  }

  async #historyAsOf(
    application: ApplicationView,
    at: ViewMoment,
    page: { readonly from: number; readonly limit: number },
  ): Promise<readonly HistoryEntry[]> {
    const items: HistoryEntry[] = [];
    for (let from = page.from; from >= 1 && items.length < page.limit;) {
      const numbers = Array.from({ length: Math.min(page.limit - items.length, from) }, (_, index) => from - index);
      const views = await this.#past.versionsOf(application.id, at, numbers);
      const outcomes = await this.#past.outcomesOf(application.id, at, firstPosition(views, application));
      items.push(...historyFrom({ views, outcomes }, application, from, page.limit - items.length));
      from -= numbers.length;
    }
    return items;
  }

  async diff(id: string, input: DiffInput & ItemQuery): Promise<readonly EnvironmentDifference[]> {
    const { views, application } = await this.#source(
      id,
      input,
      input.from === undefined && input.to === undefined ? 'shown' : 'all',
    );
    return this.#diffs.diff(views, application, input);
  }

  targets(
    input: ListQuery & {
      readonly application?: string | undefined;
      readonly environment?: string | undefined;
      readonly cluster?: string | undefined;
    },
  ): Promise<Page<TargetView>> {
    const { application, environment, cluster, ...query } = input;
    const keyPrefix =
      application === undefined ? undefined : `${application}/${environment === undefined ? '' : `${environment}/`}`;
    const filter = (target: TargetView): boolean =>
      (environment === undefined || target.environment === environment) &&
      (cluster === undefined || target.cluster === cluster);
    return this.#reads.list('target', { ...query, keyPrefix, filter });
  }

  /** The moment of a page that was read before: its position holds it fast while others append. */
  async #momentOf(query: ItemQuery, position: number): Promise<ViewMoment | undefined> {
    const at = await this.#reads.moment(query);
    return at === undefined ? undefined : { ...at, below: position + 1 };
  }

  async #source(id: string, query: ItemQuery, wanted?: WantedVersions): Promise<Source> {
    const at = await this.#reads.moment(query);
    const now = this.#access.state.views;
    if (at === undefined)
      return { views: now, application: await this.#folded(id, query.minPosition), position: this.#access.position };
    const application = await this.#reads.getAsOf('application', id, at);
    return {
      views: wanted === undefined ? now : await this.#past.viewsOf(application, at, wanted),
      application,
      position: at.below - 1,
      at,
    };
  }

  async #folded(id: string, minPosition: number | undefined): Promise<ApplicationView> {
    await this.#reads.foldTo(minPosition);
    const application = this.#access.state.views.get('application', id);
    if (application === undefined) throw notFound('application', id);
    return application;
  }
}

/** Position of the oldest version that was loaded: nothing came of it before. */
function firstPosition(views: ViewReader, application: ApplicationView): number {
  return Math.min(...[...views.scan('version', `${application.id}/`)].map(([, { position }]) => position));
}

function parseCursor(cursor: string): number {
  const version = /^v(\d{1,9})$/.exec(cursor)?.[1];
  if (version === undefined) throw new InputError('PLB-1705', 'the cursor is not one of this list');
  return Number(version);
}
