// SPDX-License-Identifier: Apache-2.0
import { ConflictError, InvariantError, messageOf } from '@plumbline/core';
import type { CommittedListener } from '@plumbline/event-log';
import type { Logger } from '@plumbline/platform';
import {
  formatCheckpoint,
  type NoteSigner,
  parseCheckpoint,
  parseNote,
  signNote,
  treeRoot,
  type VerifierKey,
  verifyNote,
} from '@plumbline/merkle';
import type { CheckpointStore, StoredCheckpoint } from './checkpoint-store.js';
import type { TileStore } from './tile-store.js';
import { WorkLoop } from '../work-loop.js';

/** The log as its signer needs it. */
export interface SignedLog {
  /** The epoch of this process's lead; undefined while it does not lead. */
  readonly epoch: number | undefined;
  onLead(listener: (leads: boolean) => void): () => void;
  onCommitted(listener: CommittedListener): () => void;
}

/** What a signer needs. */
export interface CheckpointSignerOptions {
  readonly log: SignedLog;
  readonly tiles: TileStore;
  readonly checkpoints: CheckpointStore;
  readonly signer: NoteSigner;
  /** Keys that signed this log before. */
  readonly formerKeys?: readonly VerifierKey[];
  readonly logger: Pick<Logger, 'error' | 'warn' | 'info'>;
  /** At most one checkpoint in so many milliseconds; 1,000 when absent. */
  readonly everyMs?: number;
  /** Called after each publication. MUST NOT throw. */
  readonly onPublished?: (size: number) => void;
}

const EVERY_MS = 1_000;
const AFTER_FAILURE_MS = 1_000;
/** How often to look without having been woken: commits stir, so this only repairs. */
const IDLE_MS = 5_000;

/**
 * Signs the log as it is committed, while this process leads: soon after a commit, at most once in an interval, and
 * on request.
 * Read head, build note, keep it under the epoch, publish: a crash anywhere leaves at most a row that the next leader
 * publishes.
 * Never signs a tree that does not begin with what was signed before.
 */
export class CheckpointSigner {
  readonly #options: CheckpointSignerOptions;

  readonly #loop = new WorkLoop({ step: () => this.#step() });
  #unsubscribe: (() => void)[] = [];
  #signedAtMs = Number.NEGATIVE_INFINITY;
  /** The epoch for which the log was found to begin with what was signed. */
  #checkedEpoch: number | undefined;
  #moved = true;
  #wanted = 0;
  #failing = false;
  #refused = false;

  constructor(options: CheckpointSignerOptions) {
    this.#options = options;
  }

  /** True when the log is not what was signed before: nothing is signed until somebody decides. */
  get refused(): boolean {
    return this.#refused;
  }

  start(): void {
    const moved = (): void => {
      this.#moved = true;
      this.#loop.stir();
    };
    this.#unsubscribe = [this.#options.log.onCommitted(moved), this.#options.log.onLead(moved)];
    this.#loop.start();
  }

  async stop(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    await this.#loop.stop();
  }

  /** Signs at once if the newest checkpoint is below this size. */
  want(size: number): void {
    this.#wanted = Math.max(this.#wanted, size);
    this.#moved = true;
    this.#loop.stir();
  }

  async #step(): Promise<number> {
    const { log, everyMs = EVERY_MS } = this.#options;
    const { epoch } = log;
    if (epoch === undefined || !this.#moved) return IDLE_MS;
    const waitMs = this.#signedAtMs + everyMs - performance.now();
    if (waitMs > 0 && this.#wanted === 0) return waitMs;
    this.#moved = false;
    this.#wanted = 0;
    try {
      const size = await this.#sign(epoch);
      this.#signedAtMs = performance.now();
      if (this.#failing) this.#options.logger.info('checkpoints are signed again', { size });
      this.#failing = false;
      return size !== undefined && (await this.#options.tiles.keepFull(size)) ? this.#again(0) : IDLE_MS;
    } catch (error) {
      // Another process leads now: it signs.
      if (error instanceof ConflictError) return IDLE_MS;
      this.#complain(error);
      return this.#again(AFTER_FAILURE_MS);
    }
  }

  /** As if the head had moved: there is work left. */
  #again(pauseMs: number): number {
    this.#moved = true;
    return pauseMs;
  }

  #complain(error: unknown): void {
    if (this.#failing) return;
    this.#failing = true;
    const { logger } = this.#options;
    if (error instanceof InvariantError)
      logger.error('the log is not what was signed before: no checkpoint is signed until an operator has looked', {
        errorCode: error.code,
        reason: messageOf(error),
      });
    else logger.warn('no checkpoint could be signed; tries again', { reason: messageOf(error) });
  }

  async #sign(epoch: number): Promise<number | undefined> {
    const { tiles, checkpoints, signer, onPublished } = this.#options;
    const head = await tiles.head();
    if (head === undefined || head.epoch !== epoch || head.size === 0) return undefined;
    const newest = await checkpoints.newest();
    if (this.#checkedEpoch !== epoch) {
      this.#refused = await this.#check(head, newest).then(
        () => false,
        (error: unknown) => {
          if (error instanceof InvariantError) this.#refused = true;
          throw error;
        },
      );
      this.#checkedEpoch = epoch;
    }
    if (newest?.size !== head.size) {
      const text = formatCheckpoint({ origin: signer.key.name, size: head.size, root: head.root });
      await checkpoints.add(epoch, head.size, await signNote(text, signer));
    }
    if (newest?.size !== head.size || !newest.published) {
      await checkpoints.publish(head.size);
      onPublished?.(head.size);
    }
    return head.size;
  }

  /**
   * Once per lead: the events give the committed root, and the log begins with what was signed last. @throws
   * InvariantError PLB-9115
   */
  async #check(
    head: { readonly size: number; readonly root: Buffer },
    newest: StoredCheckpoint | undefined,
  ): Promise<void> {
    const { tiles } = this.#options;
    // A log that is met for the first time: its tiles are made in large steps.
    while (await tiles.keepFull(head.size));
    const read = async (tile: Parameters<TileStore['tile']>[0]): Promise<Buffer> => tiles.tile(tile);
    const root = await treeRoot(head.size, read);
    if (!root.equals(head.root))
      throw new InvariantError(
        'PLB-9115',
        `the ${head.size} events of the log do not give the root that was committed with them: check it with "plumb log fsck"`,
      );
    if (newest !== undefined) {
      const signed = this.#opened(newest.note);
      if (signed.size > head.size)
        throw new InvariantError(
          'PLB-9115',
          `${signed.size} events were signed, and the log has ${head.size}: an older copy of it was put back`,
        );
      if (!signed.root.equals(await treeRoot(signed.size, read)))
        throw new InvariantError(
          'PLB-9115',
          `the first ${signed.size} events are not those that were signed: check the log with "plumb log fsck"`,
        );
    }
  }

  #opened(message: string): { readonly size: number; readonly root: Buffer } {
    const { signer, formerKeys = [] } = this.#options;
    try {
      const note = parseNote(message);
      verifyNote(note, [signer.key, ...formerKeys]);
      const checkpoint = parseCheckpoint(note.text);
      if (checkpoint.origin === signer.key.name) return checkpoint;
      throw new InvariantError(
        'PLB-9115',
        `the log was signed as ${checkpoint.origin} before, not as ${signer.key.name}: set PLUMBLINE_LOG_ORIGIN to what it was`,
      );
    } catch (error) {
      if (error instanceof InvariantError) throw error;
      throw new InvariantError(
        'PLB-9115',
        `the newest checkpoint is not by the key of this log (${messageOf(error)}): give the old key in PLUMBLINE_LOG_FORMER_KEYS if it was changed`,
        { cause: error },
      );
    }
  }
}
