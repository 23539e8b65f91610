// SPDX-License-Identifier: Apache-2.0
import type { RecordedEvent } from '@plumbline/events';

/** Injection token of the {@link LogQueries}. */
export const LOG_QUERIES = Symbol('LOG_QUERIES');

/** One page of documents of a view (see `@plumbline/read-models` for kinds and shapes). */
export interface ViewPage {
  readonly documents: readonly { readonly key: string; readonly document: unknown }[];
  /** Opaque; absent on the last page. */
  readonly cursor?: string;
  /** The page reflects all events below this position. */
  readonly position: number;
}

/** Filters of {@link LogQueries.listView}. */
export interface ListViewOptions {
  /** Only keys that start with this. */
  readonly keyPrefix?: string;
  readonly limit?: number;
  readonly cursor?: string;
  /** Wait (up to the server's limit) until the view has folded all events below this position: read your writes. */
  readonly minPosition?: number;
}

/** Filters of {@link LogQueries.audit}; all given ones must match. */
export interface AuditFilter {
  readonly actor?: string;
  readonly type?: string;
  readonly application?: string;
  readonly environment?: string;
  readonly cluster?: string;
  readonly correlationId?: string;
  /** RFC 3339, inclusive; compared with recordedAt. */
  readonly since?: string;
  /** RFC 3339, exclusive. */
  readonly until?: string;
  /** Newest first when 'desc' (default). */
  readonly order?: 'asc' | 'desc';
  readonly limit?: number;
  readonly cursor?: string;
}

/** One page of events that match a filter. */
export interface AuditPage {
  readonly events: readonly RecordedEvent[];
  readonly cursor?: string;
}

/**
 * A moment of the past, on both axes of time: what was known (`below`) of what had happened (`occurredUntil`). A
 * document is then as the
 * last event left it that satisfies both; it carries what was recorded before that event.
 */
export interface ViewMoment {
  /** Only events below this position. */
  readonly below: number;
  /** Only states left by events that occurred at or before this time (RFC 3339). */
  readonly occurredUntil?: string;
}

/** Filters of {@link LogQueries.listViewAsOf}. */
export type ListAsOfOptions = Omit<ListViewOptions, 'minPosition'>;

/** Questions that the audit service answers from its projections. */
export interface LogQueries {
  /**
   * One document of a view, or undefined. Waits for `minPosition` as {@link ListViewOptions} says; @throws
   * OverloadedError PLB-5102 when the view did not get there in time.
   */
  getView(view: string, key: string, minPosition?: number): Promise<unknown>;
  /** Documents of a view ordered by key. */
  listView(view: string, options?: ListViewOptions): Promise<ViewPage>;
  /**
   * One document as it was at a moment, or undefined. Waits until the views have folded what is below the moment.
   * @throws OverloadedError PLB-5102 when they did not get there in time, PLB-5105 while the history is still being
   * built.
   */
  getViewAsOf(view: string, key: string, at: ViewMoment): Promise<unknown>;
  /**
   * Documents as they were at a moment, ordered by key; `position` of the page is that of the moment. @throws as
   * {@link getViewAsOf}
   */
  listViewAsOf(view: string, at: ViewMoment, options?: ListAsOfOptions): Promise<ViewPage>;
  /** One above the last position that was recorded at or before a time (RFC 3339); 0 when nothing was. */
  positionAt(time: string): Promise<number>;
  /** Events by who, what, where, when. */
  audit(filter: AuditFilter): Promise<AuditPage>;
}
