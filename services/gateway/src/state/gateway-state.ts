// SPDX-License-Identifier: Apache-2.0
import type { RecordedEvent } from '@plumbline/events';
import { ViewStore } from '@plumbline/read-models';
import { AccessBook } from './access-book.js';
import { OutcomeBook } from './outcome-book.js';

const DELIVERIES_KEPT = 20_000;

/** The gateway's fold of the log: pure state, no I/O. */
export class GatewayState {
  readonly views = new ViewStore();
  readonly access = new AccessBook();
  readonly outcomes = new OutcomeBook();
  readonly #revisions = new Map<string, number>();
  readonly #deliveries = new Set<string>();

  apply(event: RecordedEvent): void {
    this.views.apply(event);
    this.access.apply(event);
    this.outcomes.apply(event);
    if (/^(project|repository|cluster|application)-/.test(event.stream))
      this.#revisions.set(event.stream, event.revision);
    if (event.type === 'RefreshRequested' && event.data.delivery !== undefined) {
      this.#remember(deliveryKey(event.data.provider ?? '', event.data.delivery, event.data.repository));
    }
  }

  /** Revision of the last event of a stream of declared things; undefined when there is none. */
  revisionOf(stream: string): number | undefined {
    return this.#revisions.get(stream);
  }

  /** True when a webhook's delivery was taken for the repository before. */
  knowsDelivery(provider: string, delivery: string, repository: string): boolean {
    return this.#deliveries.has(deliveryKey(provider, delivery, repository));
  }

  #remember(key: string): void {
    this.#deliveries.add(key);
    const [oldest] = this.#deliveries;
    if (this.#deliveries.size > DELIVERIES_KEPT && oldest !== undefined) this.#deliveries.delete(oldest);
  }
}

function deliveryKey(provider: string, delivery: string, repository: string): string {
  return `${provider} ${repository} ${delivery}`;
}
