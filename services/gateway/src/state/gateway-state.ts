// SPDX-License-Identifier: Apache-2.0
import type { EventOf, PlumblineEvent, StoredEvent } from '@plumbline/events';
import { ViewStore, type ViewStoreSnapshot } from '@plumbline/read-models';
import { AccessBook, type AccessSnapshot } from './access-book.js';
import { OutcomeBook, type OutcomeSnapshot } from './outcome-book.js';

const DELIVERIES_KEPT = 20_000;
const DECLARED_STREAM = /^(project|repository|cluster|application)-/;

interface Snapshot {
  readonly views: ViewStoreSnapshot;
  readonly access: AccessSnapshot;
  readonly outcomes: OutcomeSnapshot;
  readonly revisions: readonly (readonly [stream: string, revision: number])[];
  readonly deliveries: readonly string[];
}

/** The gateway's fold of the log: pure state, no I/O. */
export class GatewayState {
  readonly views = new ViewStore();
  readonly access = new AccessBook();
  readonly outcomes = new OutcomeBook();
  readonly #revisions = new Map<string, number>();
  readonly #deliveries = new Set<string>();

  /** An event that changes documents. */
  documentsChanged(event: PlumblineEvent): void {
    this.views.apply(event);
  }

  /** A token was issued or revoked. */
  tokenChanged(event: EventOf<'TokenIssued'> | EventOf<'TokenRevoked'>): void {
    this.views.apply(event);
    this.access.apply(event);
  }

  /** A sync of a version ended, or was refused. */
  syncEnded(event: EventOf<'SyncCompleted'> | EventOf<'SyncRefused'>): void {
    this.views.apply(event);
    this.outcomes.apply(event);
  }

  /** A webhook or a user asked for a refresh of a repository. */
  refreshRequested({ data }: EventOf<'RefreshRequested'>): void {
    if (data.delivery === undefined) return;
    this.#deliveries.add(deliveryKey(data.provider ?? '', data.delivery, data.repository));
    const [oldest] = this.#deliveries;
    if (this.#deliveries.size > DELIVERIES_KEPT && oldest !== undefined) this.#deliveries.delete(oldest);
  }

  /** Counts the revisions of streams: for every event of the log, of whatever type, once it is processed. */
  recorded({ stream, revision }: StoredEvent): void {
    if (stream !== undefined && revision !== undefined && DECLARED_STREAM.test(stream))
      this.#revisions.set(stream, revision);
  }

  /** Revision of the last event of a stream of declared things; undefined when there is none. */
  revisionOf(stream: string): number | undefined {
    return this.#revisions.get(stream);
  }

  /** True when a webhook's delivery was taken for the repository before. */
  knowsDelivery(provider: string, delivery: string, repository: string): boolean {
    return this.#deliveries.has(deliveryKey(provider, delivery, repository));
  }

  /** Returns the whole state as JSON values. */
  snapshot(): Snapshot {
    return {
      views: this.views.snapshot(),
      access: this.access.snapshot(),
      outcomes: this.outcomes.snapshot(),
      revisions: [...this.#revisions],
      deliveries: [...this.#deliveries],
    };
  }

  /** Replaces the whole state by one that {@link snapshot} returned. */
  restore(state: unknown): void {
    const { views, access, outcomes, revisions, deliveries } = state as Snapshot;
    this.views.restore(views);
    this.access.restore(access);
    this.outcomes.restore(outcomes);
    this.#revisions.clear();
    for (const [stream, revision] of revisions) this.#revisions.set(stream, revision);
    this.#deliveries.clear();
    for (const key of deliveries) this.#deliveries.add(key);
  }
}

function deliveryKey(provider: string, delivery: string, repository: string): string {
  return `${provider} ${repository} ${delivery}`;
}
