// SPDX-License-Identifier: Apache-2.0
import { messageOf } from '@plumbline/core';
import { isEventType, readStoredEvent, type RecordedEvent, type UndecodableEvent } from '@plumbline/events';
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

/** An event that could not be applied, or that waits behind one. */
export interface Parked {
  readonly position: number;
  /** The stream; `position-<n>` when the text of the event names none. */
  readonly key: string;
  readonly revision?: number;
  readonly message: string;
  /** Absent when the event cannot be decoded. */
  readonly recordedAt?: string;
  /** True for the event that failed, false for one that only came after it. */
  readonly isCause: boolean;
}

/** An operator asks to process quarantined streams again. */
export interface RetryRequest {
  /** All consumers when absent. */
  readonly consumer?: string | undefined;
  /** All streams when absent. */
  readonly stream?: string | undefined;
}

/** What a page of events changes. */
export interface FoldedPage {
  /** Each document as the page leaves it. */
  readonly documents: readonly ChangedDocument[];
  /** Each document after each event that changed it. */
  readonly steps: readonly DocumentStep[];
  readonly rows: readonly AuditRow[];
  readonly parked: readonly Parked[];
  /** Requests to process quarantined streams again. */
  readonly retries: readonly RetryRequest[];
}

/** How one event changes the store. */
export type Apply = (store: ViewStore, event: RecordedEvent) => readonly ViewChange[];

const WAITS = 'an earlier event of this stream is parked';

/** Folds pages in memory. An event that cannot be decoded or applied quarantines its own stream, never the others. */
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
    const retries: RetryRequest[] = [];
    for (const { body, position } of bodies) {
      const event = readStoredEvent(position, body);
      if (event.type === 'Undecodable') {
        this.#undecodable(event, parked);
        continue;
      }
      rows.push(auditRow(event));
      if (event.type === 'StreamRetryRequested') retries.push(event.data);
      const { stream: key, revision, recordedAt, occurredAt } = event;
      if (this.#parkedKeys.has(key)) {
        parked.push({ position, key, revision, recordedAt, message: WAITS, isCause: false });
        continue;
      }
      try {
        if (refused.has(position)) throw new Error('the tables refuse what this event makes of the views');
        if (event.type === 'Unknown' && isEventType(event.data.originalType))
          throw new Error(`${event.data.originalType} has a schema that this version does not know`);
        for (const change of this.#apply(this.#store, event)) {
          const id = `${change.view}\n${change.key}`;
          documents.set(id, { change, position });
          steps.set(`${position}\n${id}`, { change, position, recordedAt, occurredAt });
        }
      } catch (error) {
        this.#parkedKeys.add(key);
        parked.push({ position, key, revision, recordedAt, message: messageOf(error), isCause: true });
      }
    }
    return { documents: [...documents.values()], steps: [...steps.values()], rows, parked, retries };
  }

  /** The search does not find it: an answer would have to contain it. */
  #undecodable({ position, stream, revision, message }: UndecodableEvent, parked: Parked[]): void {
    const key = stream ?? `position-${position}`;
    const isCause = !this.#parkedKeys.has(key);
    this.#parkedKeys.add(key);
    parked.push({
      position,
      key,
      ...(revision === undefined ? {} : { revision }),
      message: isCause ? message : WAITS,
      isCause,
    });
  }
}
