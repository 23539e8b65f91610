// SPDX-License-Identifier: Apache-2.0
import { messageOf } from '@plumbline/core';
import { decodeEvent } from '@plumbline/events';
import type { StoredBody } from '@plumbline/event-log';
import { type ViewChange, ViewStore } from '@plumbline/read-models';
import { auditRow, type AuditRow } from './audit-row.js';

/** A document as it is after a page, and by which event. */
export interface ChangedDocument {
  readonly change: ViewChange;
  readonly position: number;
}

/** What one event left of a document. */
export interface DocumentStep extends ChangedDocument {
  readonly recordedAt: string;
  readonly occurredAt: string;
}

/** An event that could not be applied, and the key that waits from there on. */
export interface Parked {
  readonly position: number;
  readonly key: string;
  readonly message: string;
  readonly recordedAt: string;
  /** True for the event that failed, false for one that only came after it. */
  readonly isCause: boolean;
}

/** What a page of events changes. */
export interface FoldedPage {
  /** Each document as the page leaves it. */
  readonly documents: readonly ChangedDocument[];
  /** Each document after each event that changed it. */
  readonly steps: readonly DocumentStep[];
  readonly rows: readonly AuditRow[];
  readonly parked: readonly Parked[];
}

/** How one event changes the store. */
export type Apply = (store: ViewStore, event: ReturnType<typeof decodeEvent>) => readonly ViewChange[];

/** Folds pages in memory. One event that cannot be applied stops its own stream, never the others. */
export class ViewFold {
  readonly #apply: Apply;

  readonly #store = new ViewStore();
  readonly #parkedKeys: Set<string>;

  constructor(
    from: { readonly documents: Iterable<ViewChange>; readonly parkedKeys: Iterable<string> },
    apply: Apply = (store, event) => store.apply(event),
  ) {
    this.#apply = apply;

    this.#store.load(from.documents);
    this.#parkedKeys = new Set(from.parkedKeys);
  }

  /** Number of streams that stand still. */
  get parkedKeys(): number {
    return this.#parkedKeys.size;
  }

  /** @param refused positions whose result the tables refused before */
  fold(bodies: readonly StoredBody[], refused: ReadonlySet<number>): FoldedPage {
    const documents = new Map<string, ChangedDocument>();
    const steps = new Map<string, DocumentStep>();
    const rows: AuditRow[] = [];
    const parked: Parked[] = [];
    for (const { body, position } of bodies) {
      const event = decodeEvent(body);
      rows.push(auditRow(event));
      const key = event.stream;
      const park = (message: string, isCause: boolean): void =>
        void parked.push({ position, key, message, recordedAt: event.recordedAt, isCause });
      if (this.#parkedKeys.has(key)) {
        park('an earlier event of this stream is parked', false);
        continue;
      }
      try {
        if (refused.has(position)) throw new Error('the tables refuse what this event makes of the views');
        const { recordedAt, occurredAt } = event;
        for (const change of this.#apply(this.#store, event)) {
          const id = `${change.view}\n${change.key}`;
          documents.set(id, { change, position });
          steps.set(`${position}\n${id}`, { change, position, recordedAt, occurredAt });
        }
      } catch (error) {
        this.#parkedKeys.add(key);
        park(messageOf(error), true);
      }
    }
    return { documents: [...documents.values()], steps: [...steps.values()], rows, parked };
  }
}
