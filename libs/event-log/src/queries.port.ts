// SPDX-License-Identifier: Apache-2.0
import type { RecordedEvent } from '@plumbline/events';

/** Injection token of the {@link LogQueries}. */
export const LOG_QUERIES = Symbol('LOG_QUERIES');

/** One page of documents of a view (see `@plumbline/views` for kinds and shapes). */
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

/** Questions that the audit service answers from its projections. */
export interface LogQueries {
  /** One document of a view, or undefined. Waits for `minPosition` as {@link ListViewOptions} says; @throws OverloadedError PLB-5102 when the view did not get there in time. */
  getView(view: string, key: string, minPosition?: number): Promise<unknown>;
  /** Documents of a view ordered by key. */
  listView(view: string, options?: ListViewOptions): Promise<ViewPage>;
  /** Events by who, what, where, when. */
  audit(filter: AuditFilter): Promise<AuditPage>;
}
