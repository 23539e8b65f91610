// SPDX-License-Identifier: Apache-2.0
import type { RecordedEvent } from '@plumbline/events';
import type { ViewChange, ViewDocuments, ViewKind } from './documents.js';
import { ViewStore } from './view-store.js';

/** What one event left of a document; `document` absent = removed. */
export interface DocumentState {
  readonly position: number;
  readonly occurredAt: string;
  readonly document: unknown;
}

/** Decides which states count; they are asked from the newest to the oldest. */
export type StateFilter = (state: DocumentState) => boolean;

/**
 * Every state of every document, in memory: the same history that the audit service keeps in tables, for logs that
 * are small.
 */
export class ViewHistory {
  readonly #store = new ViewStore();
  readonly #states = new Map<string, DocumentState[]>();

  /** Folds one event, which is the one after the last. */
  apply(event: RecordedEvent): readonly ViewChange[] {
    const changes = this.#store.apply(event);
    for (const { view, key, document } of changes) {
      const id = `${view}\n${key}`;
      const states = this.#states.get(id) ?? [];
      if (states.length === 0) this.#states.set(id, states);
      states.push({ position: event.position, occurredAt: event.occurredAt, document });
    }
    return changes;
  }

  /** A document as the newest state that counts left it. */
  get<Kind extends ViewKind>(view: Kind, key: string, counts: StateFilter): ViewDocuments[Kind] | undefined {
    const state = this.#states.get(`${view}\n${key}`)?.findLast(counts);
    return state?.document as ViewDocuments[Kind] | undefined;
  }

  /** Documents whose key starts with the prefix, in the order of their keys. */
  list<Kind extends ViewKind>(
    view: Kind,
    keyPrefix: string,
    counts: StateFilter,
  ): readonly (readonly [string, ViewDocuments[Kind]])[] {
    const start = `${view}\n`;
    const keys = [...this.#states.keys()]
      .filter((id) => id.startsWith(start + keyPrefix))
      .map((id) => id.slice(start.length))
      .sort();
    return keys.flatMap((key) => {
      const document = this.get(view, key, counts);
      return document === undefined ? [] : [[key, document] as const];
    });
  }
}
