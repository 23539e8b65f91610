// SPDX-License-Identifier: Apache-2.0
import type { PlumblineClient } from '@plumbline/api-client';
import type { EventOf, EventType, RecordedEvent } from '@plumbline/events';

/** How long to wait, and from where. */
export interface WaitOptions {
  /** Look at events behind this position only. */
  readonly after?: number;
  /** 30,000 when absent. */
  readonly timeoutMs?: number;
}

const PATIENCE_MS = 30_000;
/** A check that failed on a lost connection is tried again even when no event comes. */
const LOOK_AGAIN_MS = 1_000;

/** All events of a log as they come in, and waiting for what they tell. */
export class EventBook implements AsyncDisposable {
  readonly #client: PlumblineClient;

  readonly #stop = new AbortController();
  readonly #events: RecordedEvent[] = [];
  readonly #waiters = new Set<() => void>();
  readonly #reading: Promise<void>;

  constructor(client: PlumblineClient) {
    this.#client = client;

    this.#reading = this.#read();
  }

  /** All events so far, by position. */
  get events(): readonly RecordedEvent[] {
    return this.#events;
  }

  /** Position of the last event that has come in. */
  get head(): number {
    return this.#events.at(-1)?.position ?? -1;
  }

  /** Events of a type behind a position. */
  ofType<Type extends EventType>(type: Type, after = -1): readonly EventOf<Type>[] {
    // The type tells the shape of the data: a union over all types cannot be narrowed by a type parameter.
    return this.#events.filter(
      ({ type: found, position }) => found === type && position > after,
    ) as readonly RecordedEvent[] as readonly EventOf<Type>[];
  }

  /** The first event of a type that fits, which may be there already. */
  async first<Type extends EventType>(
    type: Type,
    fits: (event: EventOf<Type>) => boolean = () => true,
    options: WaitOptions = {},
  ): Promise<EventOf<Type>> {
    return this.until(`a ${type}`, () => this.ofType(type, options.after).find(fits), options);
  }

  /** Waits until a check answers something; looks again whenever an event comes in. */
  async until<Result>(
    what: string,
    check: () => Promise<Result | undefined> | Result | undefined,
    options: WaitOptions = {},
  ): Promise<Result> {
    const timeoutMs = options.timeoutMs ?? PATIENCE_MS;
    const deadline = performance.now() + timeoutMs;
    let trouble: unknown;
    for (;;) {
      const woken = this.#nextEvent();
      try {
        const result = await check();
        if (result !== undefined) return result;
        trouble = undefined;
      } catch (error) {
        trouble = error;
      }
      const leftMs = deadline - performance.now();
      if (leftMs <= 0)
        throw new Error(`no ${what} after ${timeoutMs} ms; the last events:\n${this.tail()}`, { cause: trouble });
      await Promise.race([woken, pause(Math.min(leftMs, LOOK_AGAIN_MS))]);
    }
  }

  /** Waits until the book has all that the log has now: what an answer shows may be further than what has come in here. */
  async caughtUp(): Promise<void> {
    const { head } = await this.#client.events({ after: this.head, limit: 1 });
    await this.until(`position ${head}`, () => (this.head >= head ? true : undefined));
  }

  /** The last events, a line each, for messages of failed tests. */
  tail(count = 25): string {
    return this.#events
      .slice(-count)
      .map((event) => `${event.position} ${event.type} ${event.stream} ${JSON.stringify(event.data).slice(0, 300)}`)
      .join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#reading;
  }

  async #read(): Promise<void> {
    for await (const event of this.#client.follow({ after: -1, signal: this.#stop.signal, retryDelayMs: 50 })) {
      this.#events.push(event);
      for (const wake of this.#waiters) wake();
    }
  }

  #nextEvent(): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiters.delete(wake);
        resolve();
      };
      this.#waiters.add(wake);
    });
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
