// SPDX-License-Identifier: Apache-2.0
import { UpstreamError } from '@plumbline/core';
import type { CommittedListener } from './committed.js';
import type { AppendPlacement, AppendRequest, BodyPage, EventLog, ReadOptions, StoredBody } from './event-log.port.js';

export type { BodyPage, StoredBody } from './event-log.port.js';

/** As `AppendResult`, undecoded. */
export interface RawAppendResult extends AppendPlacement {
  /** In the order of the request; one for each position from `firstPosition` to `lastPosition`. */
  readonly bodies: readonly StoredBody[];
}

/** A log in the process of its writer: also returns the stored text of an append, and reports commits. */
export interface RawEventLog extends EventLog {
  /** As `append`, undecoded: events of a newer writer pass through unchanged. */
  appendBodies(request: AppendRequest): Promise<RawAppendResult>;
  /** Tells after each commit of this process where it went; returns the way to stop. A wake-up only. */
  onCommitted(listener: CommittedListener): () => void;
}

/** What {@link subscribeBodies} follows. */
export interface SubscribeOptions extends Omit<ReadOptions, 'limit'> {
  /** Ends the subscription. */
  readonly signal: AbortSignal;
  /** How often to look without having been woken, in milliseconds; 1,000 when absent. */
  readonly idlePollMs?: number;
}

const PAGE = 1_000;

/**
 * The events of an append, read back from the log, in the order of the request.
 * @throws UpstreamError PLB-6001 when they cannot be read; the append is durable, and its repeat returns them.
 */
export async function readAppended(
  log: Pick<RawEventLog, 'readBodies'>,
  { firstPosition, lastPosition }: Pick<AppendPlacement, 'firstPosition' | 'lastPosition'>,
): Promise<readonly StoredBody[]> {
  const found: StoredBody[] = [];
  for (let from = firstPosition; from <= lastPosition;) {
    const { bodies, nextPosition } = await log.readBodies({ from, limit: lastPosition + 1 - from });
    if (nextPosition <= from)
      throw new UpstreamError(
        'PLB-6001',
        `the events ${firstPosition} to ${lastPosition} are recorded, but position ${from} cannot be read yet; send the same request again`,
      );
    found.push(...bodies);
    from = nextPosition;
  }
  return found;
}

/**
 * Pages from a position on, then what is committed from then on, until the signal. Slow readers get later pages,
 * never more memory.
 */
export async function* subscribeBodies(log: RawEventLog, options: SubscribeOptions): AsyncGenerator<BodyPage, void> {
  const { signal, idlePollMs = 1_000, types } = options;
  let next = options.from;
  let stirred = true;
  let wake: (() => void) | undefined;
  const stir = (): void => {
    stirred = true;
    wake?.();
  };
  const unsubscribe = log.onCommitted(stir);
  signal.addEventListener('abort', stir);
  try {
    while (!signal.aborted) {
      stirred = false;
      const page = await log.readBodies({ from: next, limit: PAGE, ...(types === undefined ? {} : { types }) });
      if (page.nextPosition > next) yield page;
      next = page.nextPosition;
      if (next < page.headPosition) continue;
      if (!stirred) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, idlePollMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        wake = undefined;
      }
    }
  } finally {
    unsubscribe();
    signal.removeEventListener('abort', stir);
  }
}
