// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import { EVENT_LOG, type RawEventLog } from '@plumbline/event-log';
import { leafHash } from '@plumbline/merkle';
import { NO_LEAF, PREFIX_BYTES } from './resume-token.js';

/** Leaves kept for the readers that follow. */
const KEPT = 16_384;
const PAGE = 500;

/**
 * First bytes of the leaves of the log: made from the stored bytes, so what a reader saw can be told from what is
 * there now.
 */
@Injectable()
export class LeafIndex {
  readonly #log: Pick<RawEventLog, 'readBodies'>;

  readonly #leaves = new Map<number, string>();

  constructor(@Inject(EVENT_LOG) log: Pick<RawEventLog, 'readBodies'>) {
    this.#log = log;
  }

  /** The leaf at a position as it is now; undefined when the log has no such position. */
  async read(position: number): Promise<string | undefined> {
    if (position < 0) return NO_LEAF;
    const {
      bodies: [stored],
    } = await this.#log.readBodies({ from: position, limit: 1 });
    return stored?.position === position ? prefixOf(stored.body) : undefined;
  }

  /** Leaves of positions that are in the log, in rising order. */
  async of(positions: readonly number[]): Promise<ReadonlyMap<number, string>> {
    const found = new Map<number, string>();
    for (const position of positions) {
      const leaf = position < 0 ? NO_LEAF : (this.#leaves.get(position) ?? (await this.#load(position)));
      if (leaf !== undefined) found.set(position, leaf);
    }
    return found;
  }

  async #load(position: number): Promise<string | undefined> {
    const { bodies } = await this.#log.readBodies({ from: position, limit: PAGE });
    for (const stored of bodies) this.#leaves.set(stored.position, prefixOf(stored.body));
    for (const oldest of this.#leaves.keys()) {
      if (this.#leaves.size <= KEPT) break;
      this.#leaves.delete(oldest);
    }
    return this.#leaves.get(position);
  }
}

function prefixOf(body: string): string {
  return leafHash(body).toString('hex', 0, PREFIX_BYTES);
}
