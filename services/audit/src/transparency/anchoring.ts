// SPDX-License-Identifier: Apache-2.0
import { InvariantError, messageOf } from '@plumbline/core';
import type { GitBranchWriter } from '@plumbline/git';
import type { Logger } from '@plumbline/platform';
import { parseCheckpoint, parseNote, type TileReader, treeRoot, type VerifierKey } from '@plumbline/merkle';
import type { CheckpointStore } from './checkpoint-store.js';
import { WorkLoop } from '../work-loop.js';

/** What anchoring needs. */
export interface AnchoringOptions {
  readonly writer: Pick<GitBranchWriter, 'read' | 'write' | 'url'>;
  readonly key: VerifierKey;
  readonly checkpoints: CheckpointStore;
  readonly tiles: TileReader;
  readonly leads: () => boolean;
  readonly logger: Pick<Logger, 'error' | 'warn' | 'info'>;
  readonly everyMs: number;
}

const LOOK_MS = 1_000;
const AUTHOR = { name: 'Plumbline', email: 'log@plumbline.local' };

/**
 * Commits the newest checkpoint to a Git repository, every so often while the log grows: the cheapest memory outside
 * of this installation.
 * Before each commit the log is held to what was anchored last.
 */
export class Anchoring {
  readonly #options: AnchoringOptions;

  readonly #loop = new WorkLoop({ step: () => this.#step() });
  readonly #stop = new AbortController();
  #size: number | undefined;
  #nextAtMs = Number.NEGATIVE_INFINITY;
  #failing = false;

  constructor(options: AnchoringOptions) {
    this.#options = options;
  }

  /** Events that the last anchored checkpoint covers; undefined before the first look. */
  get size(): number | undefined {
    return this.#size;
  }

  start(): void {
    this.#loop.start();
  }

  stir(): void {
    this.#loop.stir();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop.stop();
  }

  async #step(): Promise<number> {
    const { leads, everyMs, logger, writer } = this.#options;
    const waitMs = this.#nextAtMs - performance.now();
    if (!leads()) return everyMs;
    if (waitMs > 0) return waitMs;
    try {
      if (!(await this.#anchor())) return Math.min(LOOK_MS, everyMs);
      if (this.#failing) logger.info('checkpoints are anchored again', { repository: writer.url });
      this.#failing = false;
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#complain(error);
    }
    this.#nextAtMs = performance.now() + everyMs;
    return everyMs;
  }

  /** False when there is nothing new. */
  async #anchor(): Promise<boolean> {
    const { checkpoints, writer, key } = this.#options;
    const newest = await checkpoints.newestPublished();
    if (newest === undefined || newest.size === this.#size) return false;
    const { signal } = this.#stop;
    const file = (name: string): string => `${key.name.replaceAll(':', '_')}/${name}`;
    const anchored = await writer.read(file('checkpoint'), signal);
    if (anchored !== undefined && (await this.#hold(anchored, newest.size)) === newest.size) {
      this.#size = newest.size;
      return false;
    }
    const witnessed = await checkpoints.newestWitnessed();
    await writer.write({
      files: {
        [file('checkpoint')]: newest.note,
        [file('key')]: `${key.text}\n`,
        ...(witnessed === undefined ? {} : { [file('checkpoint.witnessed')]: witnessed.note + witnessed.cosignatures }),
      },
      message: `${key.name} at ${newest.size}`,
      author: AUTHOR,
      signal,
    });
    this.#size = newest.size;
    return true;
  }

  /** The size that is anchored. @throws InvariantError PLB-9117 when the log does not begin with it */
  async #hold(anchored: string, size: number): Promise<number> {
    const old = parseCheckpoint(parseNote(anchored).text);
    const lost = `the anchor repository has ${old.size} events of ${old.origin}`;
    if (old.origin !== this.#options.key.name)
      throw new InvariantError('PLB-9117', `${lost} in the place of ${this.#options.key.name}`);
    if (old.size > size)
      throw new InvariantError(
        'PLB-9117',
        `${lost}, and the newest checkpoint ${size}: an older copy of the log was put back, or there are two`,
      );
    if (!old.root.equals(await treeRoot(old.size, this.#options.tiles)))
      throw new InvariantError('PLB-9117', `${lost} that are not those of this log: one of them was rewritten`);
    return old.size;
  }

  #complain(error: unknown): void {
    if (this.#failing) return;
    this.#failing = true;
    const { logger, writer } = this.#options;
    if (error instanceof InvariantError)
      logger.error('the log is not what was anchored: nothing is anchored until an operator has looked', {
        repository: writer.url,
        errorCode: error.code,
        reason: messageOf(error),
      });
    else
      logger.warn('no checkpoint could be anchored; tries again', { repository: writer.url, reason: messageOf(error) });
  }
}
