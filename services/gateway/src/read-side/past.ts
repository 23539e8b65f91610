// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import { formatMicros, LOG_QUERIES, type LogQueries, microsOf, type ViewMoment } from '@plumbline/event-log';
import type { RecordedEvent } from '@plumbline/events';
import {
  type ApplicationView,
  versionKey,
  type ViewChange,
  type ViewKind,
  type ViewReader,
  ViewStore,
} from '@plumbline/read-models';
import { LOG_ACCESS, type LogAccess } from '../state/log-access.js';
import { OutcomeBook } from '../state/outcome-book.js';

/** Which versions of an application an answer needs: those that its environments show, or all. */
export type WantedVersions = 'shown' | 'all';

const PAGE = 1_000;
const AT_ONCE = 8;
/** Pages of outcomes that are looked through for one answer. */
const OUTCOME_PAGES = 40;

/** Runs work on items, a few at a time, in order of the items. */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < items.length; start += AT_ONCE)
    results.push(...(await Promise.all(items.slice(start, start + AT_ONCE).map(work))));
  return results;
}

/** Brings back what the gateway's own fold has of an application, as of a moment, from the history of the views. */
@Injectable()
export class Past {
  readonly #queries: LogQueries;
  readonly #access: LogAccess;

  constructor(@Inject(LOG_QUERIES) queries: LogQueries, @Inject(LOG_ACCESS) access: LogAccess) {
    this.#queries = queries;
    this.#access = access;
  }

  /** The views of one application, its targets and the wanted versions. */
  async viewsOf(application: ApplicationView, at: ViewMoment, wanted: WantedVersions): Promise<ViewReader> {
    const views = new ViewStore();
    views.load([{ view: 'application', key: application.id, document: application }]);
    views.load(await this.#list('target', `${application.id}/`, at));
    if (wanted === 'all') {
      views.load(await this.#list('version', `${application.id}/`, at));
    } else {
      const keys = Object.values(application.environments).flatMap(({ name, latestVersion, released }) =>
        [...new Set([latestVersion, released?.version])].flatMap((version) =>
          version === undefined ? [] : [versionKey(application.id, version, name)],
        ),
      );
      const documents = await inParallel(
        keys,
        async (key) =>
          ({ view: 'version', key, document: await this.#queries.getViewAsOf('version', key, at) }) as ViewChange,
      );
      views.load(documents.filter(({ document }) => document !== undefined));
    }
    return views;
  }

  /** Versions of some numbers, in every environment. */
  async versionsOf(application: string, at: ViewMoment, numbers: readonly number[]): Promise<ViewReader> {
    const views = new ViewStore();
    for (const page of await inParallel(numbers, (version) =>
      this.#list('version', versionKey(application, version, ''), at),
    ))
      views.load(page);
    return views;
  }

  /**
   * What came of versions, as far as it had happened and was known; events before a position have nothing to do with
   * them.
   */
  async outcomesOf(application: string, at: ViewMoment, from: number): Promise<OutcomeBook> {
    const found: RecordedEvent[] = [];
    for (const type of ['SyncCompleted', 'SyncRefused'])
      found.push(...(await this.#outcomes({ application, type, from }, at)));
    const book = new OutcomeBook();
    for (const event of found.sort((left, right) => left.position - right.position)) book.apply(event);
    return book;
  }

  async #outcomes(
    of: { readonly application: string; readonly type: string; readonly from: number },
    at: ViewMoment,
  ): Promise<readonly RecordedEvent[]> {
    const [last] = at.below === 0 ? [] : (await this.#access.log.read({ from: at.below - 1, limit: 1 })).events;
    if (last === undefined) return [];
    const until = formatMicros((microsOf(last.recordedAt) ?? 0) + 1);
    const untilMicros = at.occurredUntil === undefined ? Number.POSITIVE_INFINITY : (microsOf(at.occurredUntil) ?? 0);
    const found: RecordedEvent[] = [];
    for (let cursor: string | undefined, pages = 0; pages < OUTCOME_PAGES; pages += 1) {
      const page = await this.#queries.audit({
        application: of.application,
        type: of.type,
        until,
        order: 'desc',
        limit: 500,
        ...(cursor === undefined ? {} : { cursor }),
      });
      found.push(
        ...page.events.filter(
          (event) =>
            event.position >= of.from && event.position < at.below && (microsOf(event.occurredAt) ?? 0) <= untilMicros,
        ),
      );
      ({ cursor } = page);
      if (cursor === undefined || (page.events.at(-1)?.position ?? -1) < of.from) break;
    }
    return found;
  }

  async #list(view: ViewKind, keyPrefix: string, at: ViewMoment): Promise<readonly ViewChange[]> {
    const found: ViewChange[] = [];
    for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
      const page = await this.#queries.listViewAsOf(view, at, {
        keyPrefix,
        limit: PAGE,
        ...(cursor === undefined ? {} : { cursor }),
      });
      for (const { key, document } of page.documents) found.push({ view, key, document } as ViewChange);
      ({ cursor } = page);
    }
    return found;
  }
}
