// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import { type AsOfQuery, type Page, parsePointInTime } from '@plumbline/api-contract';
import { assertNever, InputError, NotFoundError } from '@plumbline/core';
import { LOG_QUERIES, type LogQueries, type ViewMoment, type ViewPage } from '@plumbline/event-log';
import type { ViewDocuments, ViewKind } from '@plumbline/read-models';
import { LOG_ACCESS, type LogAccess } from '../state/log-access.js';

/** Which state of a single document. */
export interface ItemQuery extends AsOfQuery {
  readonly minPosition?: number | undefined;
}

/** Which page of a list. */
export interface ListQuery extends ItemQuery {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** Which documents to list. */
export interface DocumentQuery<Document> extends ListQuery {
  readonly keyPrefix?: string | undefined;
  readonly filter?: ((document: Document) => boolean) | undefined;
}

/** Pages read at most to fill one filtered page. */
const MAX_PAGES = 20;

/** Kinds that are asked for by name. */
export type NamedKind = 'application' | 'repository' | 'cluster' | 'project' | 'token' | 'subscription';

/** Documents of the audit service's projections. Always shows at least what this gateway itself appended. */
@Injectable()
export class ReadModel {
  readonly #queries: LogQueries;
  readonly #access: LogAccess;

  constructor(@Inject(LOG_QUERIES) queries: LogQueries, @Inject(LOG_ACCESS) access: LogAccess) {
    this.#queries = queries;
    this.#access = access;
  }

  /** @throws NotFoundError PLB-3101…3106 */
  async get<Kind extends NamedKind>(kind: Kind, key: string, query: ItemQuery = {}): Promise<ViewDocuments[Kind]> {
    const at = await this.moment(query);
    if (at !== undefined) return this.getAsOf(kind, key, at);
    const document = await this.#queries.getView(kind, key, this.#below(query.minPosition));
    if (document === undefined || document === null) throw notFound(kind, key);
    return document as ViewDocuments[Kind];
  }

  /** As {@link get}, as of a moment. */
  async getAsOf<Kind extends NamedKind>(kind: Kind, key: string, at: ViewMoment): Promise<ViewDocuments[Kind]> {
    const document = await this.#queries.getViewAsOf(kind, key, at);
    if (document === undefined || document === null) throw notFound(kind, key);
    return document as ViewDocuments[Kind];
  }

  /** Documents by key. With a filter a page may hold fewer than asked for while there is more. */
  async list<Kind extends ViewKind>(
    kind: Kind,
    query: DocumentQuery<ViewDocuments[Kind]>,
  ): Promise<Page<ViewDocuments[Kind]>> {
    const items: ViewDocuments[Kind][] = [];
    const at = await this.moment(query);
    let { cursor } = query;
    for (let pages = 1; ; pages += 1) {
      const page = await this.#page(kind, at, {
        limit: query.limit - items.length,
        minPosition: this.#below(query.minPosition),
        ...(query.keyPrefix === undefined ? {} : { keyPrefix: query.keyPrefix }),
        ...(cursor === undefined ? {} : { cursor }),
      });
      for (const { document } of page.documents) {
        const item = document as ViewDocuments[Kind];
        if (query.filter?.(item) !== false) items.push(item);
      }
      ({ cursor } = page);
      if (cursor === undefined) return { items, position: page.position - 1 };
      if (items.length >= query.limit || pages >= MAX_PAGES) return { items, cursor, position: page.position - 1 };
    }
  }

  /**
   * The moment that a reader wants, or undefined for now. A position bounds what is known; a time is compared with
   * when things happened,
   * so reports of it that came later count, unless `knownAt` leaves them out.
   * @throws InputError PLB-1705 for a position beyond the end of the log, and for an answer that should reflect more
   * than the moment has.
   */
  async moment({ asOf, knownAt, minPosition = -1 }: ItemQuery): Promise<ViewMoment | undefined> {
    if (asOf === undefined && knownAt === undefined) return undefined;
    let below = await this.#access.log.head();
    let occurredUntil: string | undefined;
    for (const [name, text] of Object.entries({ asOf, knownAt })) {
      const moment = text === undefined ? undefined : parsePointInTime(text);
      if (moment === undefined) continue;
      if (moment.type === 'time' && name === 'asOf') {
        occurredUntil = moment.time;
        continue;
      }
      const end = moment.type === 'time' ? await this.#queries.positionAt(moment.time) : moment.position + 1;
      const head = moment.type === 'time' ? end : await this.#access.log.head();
      if (end > head) throw new InputError('PLB-1705', `${name} ${end - 1} is beyond the end of the log (${head - 1})`);
      below = Math.min(below, end);
    }
    if (minPosition >= below)
      throw new InputError(
        'PLB-1705',
        `minPosition ${minPosition} is behind the moment that is asked for, which ends at position ${below - 1}: leave one of them out`,
      );
    return { below, ...(occurredUntil === undefined ? {} : { occurredUntil }) };
  }

  /** Brings the gateway's own fold to a position, for answers that are made from it. */
  async foldTo(minPosition: number | undefined): Promise<void> {
    if (minPosition === undefined) return;
    const head = await this.#access.log.head();
    if (minPosition >= head)
      throw new InputError('PLB-1705', `minPosition ${minPosition} is beyond the end of the log (${head - 1})`);
    await this.#access.folded(minPosition);
  }

  #page(
    kind: ViewKind,
    at: ViewMoment | undefined,
    options: {
      readonly limit: number;
      readonly minPosition: number;
      readonly keyPrefix?: string;
      readonly cursor?: string;
    },
  ): Promise<ViewPage> {
    if (at === undefined) return this.#queries.listView(kind, options);
    const { minPosition: _, ...page } = options;
    return this.#queries.listViewAsOf(kind, at, page);
  }

  #below(minPosition: number | undefined): number {
    return Math.max(minPosition ?? -1, this.#access.lastAppended) + 1;
  }
}

/** Returns the error for a document that does not exist. */
export function notFound(kind: NamedKind, name: string): NotFoundError {
  const details = { kind, name };
  switch (kind) {
    case 'application':
      return new NotFoundError('PLB-3101', `application "${name}" does not exist`, { details });
    case 'repository':
      return new NotFoundError('PLB-3103', `repository "${name}" does not exist`, { details });
    case 'cluster':
      return new NotFoundError('PLB-3104', `cluster "${name}" does not exist`, { details });
    case 'project':
      return new NotFoundError('PLB-3105', `project "${name}" does not exist`, { details });
    case 'token':
      return new NotFoundError('PLB-3106', `token "${name}" does not exist`, { details });
    case 'subscription':
      return new NotFoundError('PLB-3110', `subscription "${name}" does not exist`, { details });
    default:
      return assertNever(kind, 'kind of document');
  }
}

/** Returns the error for a version that does not exist. */
export function noVersion(application: string, version: number, environment?: string): NotFoundError {
  const where = environment === undefined ? '' : ` in environment "${environment}"`;
  return new NotFoundError('PLB-3102', `application "${application}" has no version ${version}${where}`, {
    details: { application, version },
  });
}
