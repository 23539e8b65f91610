// SPDX-License-Identifier: Apache-2.0
import type { Frontier } from '@plumbline/merkle';
import type { Batch } from '@plumbline/event-log/append';
import type { Waiting } from './request-queue.js';

/** What the writer knows while it leads. */
export interface Lead {
  readonly epoch: number;
  frontier: Frontier;
  lastMicros: number;
  partitionsFor: number;
  partitionsAtMs: number;
  keptAtMs: number;
}

/** What a request will be told when the batch is committed. */
export interface Answer {
  readonly refuses: boolean;
  readonly give: () => void;
}

/** A batch and who waits for it. */
export interface Prepared {
  readonly taken: Waiting[];
  readonly batch: Batch;
  readonly answers: Answer[];
}

/** What became of a batch. */
export type Outcome = { readonly type: 'committed' } | { readonly type: 'again'; readonly cause: unknown };
