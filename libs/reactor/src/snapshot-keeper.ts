// SPDX-License-Identifier: Apache-2.0
import { messageOf } from '@plumbline/core';
import type { RecordedEvent } from '@plumbline/events';
import type { ReactorInstruments } from './metrics.js';
import type { QuarantinedStream } from './quarantine.js';
import type { ReactorOptions } from './reactor-options.js';
import { decodeSnapshot, encodeSnapshot, type SnapshotHeader } from './snapshots/snapshot-format.js';

/** Where a reactor begins. */
export interface RestoredPosition {
  readonly next: number;
  readonly quarantined: readonly QuarantinedStream[];
}

const FROM_THE_BEGINNING: RestoredPosition = { next: 0, quarantined: [] };

/** Writes snapshots of a fold and restores the newest one that fits this build and this log. */
export class SnapshotKeeper {
  readonly #options: ReactorOptions;
  readonly #instruments: ReactorInstruments;
  #isRestored = false;
  #writing: Promise<void> | undefined;
  #writtenNext = 0;
  #writtenAtMs: number;
  #last: { readonly position: number; readonly id: string } | undefined;
  #holdsErased = false;
  #headAtStart = 0;
  /** The fold as it was before a snapshot was restored into it. */
  #empty: unknown;

  constructor(options: ReactorOptions, instruments: ReactorInstruments) {
    this.#options = options;
    this.#instruments = instruments;
    this.#writtenAtMs = options.clock.nowMs();
  }

  /** True when {@link restore} has returned. */
  get isRestored(): boolean {
    return this.#isRestored;
  }

  /**
   * Restores the fold from the snapshot, or leaves it empty when there is none that can be used, with a warning if
   * there is another one.
   * @throws when the log cannot be read: whether the snapshot is of this log is not known then
   */
  async restore(): Promise<RestoredPosition> {
    this.#headAtStart = await this.#options.log.head();
    const restored = (await this.#restored()) ?? FROM_THE_BEGINNING;
    this.#isRestored = true;
    this.#writtenNext = restored.next;
    return restored;
  }

  /** Notes the last processed event. */
  processed(event: RecordedEvent): void {
    this.#last = { position: event.position, id: event.id };
  }

  /**
   * Removes the snapshot, which may hold what was erased. The fold may hold it too when it was restored from one, and
   * is emptied then:
   * `process-again`. When the event was recorded after the start, the fold goes on, and no snapshot is written before
   * the next start.
   * @throws when the file cannot be removed; the event must be processed again
   */
  async personErased({ position }: Pick<RecordedEvent, 'position'>): Promise<'keep' | 'process-again'> {
    const { snapshots, consumer, fold } = this.#options;
    const isNew = position >= this.#headAtStart;
    if (!isNew && this.#empty === undefined) return 'keep';
    await this.#writing;
    await snapshots?.store.remove(consumer);
    if (isNew) {
      this.#holdsErased = true;
      return 'keep';
    }
    fold.restore(this.#empty);
    this.#empty = undefined;
    this.#last = undefined;
    this.#writtenNext = 0;
    return 'process-again';
  }

  /** Begins to write a snapshot when enough has been processed since the last one. */
  writeIfDue(next: number, quarantined: readonly QuarantinedStream[]): Promise<void> {
    const { snapshots, clock } = this.#options;
    if (snapshots === undefined || this.#writing !== undefined) return Promise.resolve();
    if (next - this.#writtenNext < (snapshots.everyEvents ?? 10_000)) return Promise.resolve();
    if (clock.nowMs() - this.#writtenAtMs < (snapshots.everyMs ?? 30_000)) return Promise.resolve();
    // Encoded between the next events, not before them.
    void this.write(next, quarantined);
    return Promise.resolve();
  }

  /** Writes a snapshot of the fold as it is now; a failure is logged, because everything in it is in the log. */
  async write(next: number, quarantined: readonly QuarantinedStream[]): Promise<void> {
    await this.#writing;
    const { snapshots, consumer, clock, fold, logger } = this.#options;
    if (snapshots === undefined || this.#holdsErased || next === this.#writtenNext) return;
    this.#writtenNext = next;
    this.#writtenAtMs = clock.nowMs();
    const { code, schema, store } = snapshots;
    const header: SnapshotHeader = {
      consumer,
      code,
      schema,
      next,
      ...(this.#last === undefined ? {} : { last: this.#last }),
      quarantined: [...quarantined],
    };
    const chunks = encodeSnapshot(header, fold.snapshot());
    this.#writing = store
      .write(consumer, chunks)
      .then(
        () => this.#instruments.snapshots.add(1, { consumer, result: 'written' }),
        (error: unknown) => {
          this.#instruments.snapshots.add(1, { consumer, result: 'failed' });
          logger.warn('a snapshot could not be written; the next start reads more of the log', {
            consumer,
            message: messageOf(error),
          });
        },
      )
      .finally(() => {
        this.#writing = undefined;
      });
    await this.#writing;
  }

  /** Resolves when no snapshot is being written. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async #restored(): Promise<RestoredPosition | undefined> {
    const { snapshots, consumer, fold } = this.#options;
    if (snapshots === undefined) return undefined;
    let snapshot: ReturnType<typeof decodeSnapshot>;
    try {
      const bytes = await snapshots.store.read(consumer);
      if (bytes === undefined) return undefined;
      snapshot = decodeSnapshot(bytes);
    } catch (error) {
      return this.#ignored(`it cannot be read: ${messageOf(error)}`);
    }
    const { header, state } = snapshot;
    const reason = await this.#reasonAgainst(header);
    if (reason !== undefined) return this.#ignored(reason);
    const empty = fold.snapshot();
    try {
      fold.restore(state);
    } catch (error) {
      fold.restore(empty);
      return this.#ignored(`it cannot be restored: ${messageOf(error)}`);
    }
    this.#empty = empty;
    this.#last = header.last;
    this.#instruments.snapshots.add(1, { consumer, result: 'restored' });
    this.#options.logger.info('the state was restored from a snapshot', { consumer, position: header.next - 1 });
    return { next: header.next, quarantined: header.quarantined };
  }

  /** Why a snapshot cannot be used, or undefined when it can. */
  async #reasonAgainst(header: SnapshotHeader): Promise<string | undefined> {
    const { snapshots, consumer, log } = this.#options;
    const head = this.#headAtStart;
    if (header.consumer !== consumer) return `it is of consumer ${header.consumer}`;
    if (header.schema !== snapshots?.schema) return 'it was written with other event schemas';
    if (header.code !== snapshots.code) return 'it was written by another build';
    if (header.next > head) return `it is at position ${header.next - 1}, and the log ends at ${head - 1}`;
    if (header.last === undefined) return undefined;
    const { bodies } = await log.readBodies({ from: header.last.position, limit: 1 });
    return idOf(bodies[0]?.body) === header.last.id ? undefined : 'it is of another log';
  }

  #ignored(reason: string): undefined {
    const { consumer, logger } = this.#options;
    this.#instruments.snapshots.add(1, { consumer, result: 'ignored' });
    logger.warn('a snapshot is not used, and the whole log is processed', { consumer, reason });
    return undefined;
  }
}

function idOf(body: string | undefined): unknown {
  try {
    return body === undefined ? undefined : (JSON.parse(body) as { readonly id?: unknown }).id;
  } catch {
    // Not JSON: no event of a snapshot.
    return undefined;
  }
}
