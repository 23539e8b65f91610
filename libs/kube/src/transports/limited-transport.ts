// SPDX-License-Identifier: Apache-2.0
import { type Clock, systemClock } from '@plumbline/core';
import { retryAfterMsOf } from '../errors.js';
import type { KubeRequest, KubeResponse, KubeTransport } from '../kube-transport.port.js';
import { isWatch } from './undici-transport.js';

/** Bounds of one lane. */
export interface LaneLimits {
  /** In flight at first; default 16. */
  readonly initial?: number;
  /** Never fewer; default 1. */
  readonly min?: number;
  /** Never more; default 64. */
  readonly max?: number;
}

/** Limits of a cluster. */
export interface LimitedTransportOptions {
  readonly reads?: LaneLimits;
  readonly writes?: LaneLimits;
  readonly clock?: Clock;
  /** 0 to 1, spreads the end of a pause; default `Math.random`. */
  readonly random?: () => number;
}

/** How busy a lane is. */
export interface LaneStatus {
  readonly limit: number;
  readonly inFlight: number;
  readonly queued: number;
  /** Milliseconds until the server wants to see requests again; 0 when it does not mind. */
  readonly pausedMs: number;
}

interface Waiter {
  readonly admit: () => void;
}

/**
 * Limits how many requests one cluster gets at once: additive increase, multiplicative decrease, with a lane for
 * reads and one for writes.
 * After 429 or 503 the lane halves and pauses for `Retry-After`; the answer itself still goes to the caller, nothing
 * is retried. Watches do not count.
 * Answers are read to their end before they are handed over.
 */
export class LimitedTransport implements KubeTransport {
  readonly #inner: KubeTransport;

  readonly #reads: Lane;
  readonly #writes: Lane;

  constructor(inner: KubeTransport, options: LimitedTransportOptions = {}) {
    this.#inner = inner;

    const { clock = systemClock, random = Math.random } = options;
    this.#reads = new Lane(options.reads ?? {}, clock, random);
    this.#writes = new Lane(options.writes ?? {}, clock, random);
  }

  async request(request: KubeRequest): Promise<KubeResponse> {
    if (isWatch(request.path)) return this.#inner.request(request);
    const lane = request.method === 'GET' ? this.#reads : this.#writes;
    const slot = await lane.enter(request.signal);
    try {
      const response = await this.#inner.request(request);
      const text = await response.text();
      slot.leave(response);
      return { status: response.status, headers: response.headers, text: async () => text, lines: () => linesOf(text) };
    } catch (error) {
      slot.leave(wasCancelled(request.signal) ? 'cancelled' : 'failed');
      throw error;
    }
  }

  /** For metrics and for people. */
  status(): { readonly reads: LaneStatus; readonly writes: LaneStatus } {
    return { reads: this.#reads.status(), writes: this.#writes.status() };
  }

  async close(): Promise<void> {
    await this.#inner.close();
  }
}

/**
 * How a request ended: with an answer, without one, or because its caller did not want it any more (which says
 * nothing about the server).
 */
type Outcome = Pick<KubeResponse, 'status' | 'headers'> | 'failed' | 'cancelled';

interface Slot {
  leave(outcome: Outcome): void;
}

function wasCancelled(signal: AbortSignal | undefined): boolean {
  const reason: unknown = signal?.reason;
  return signal?.aborted === true && !(reason instanceof Error && reason.name === 'TimeoutError');
}

class Lane {
  readonly #clock: Clock;
  readonly #random: () => number;

  #limit: number;
  readonly #min: number;
  readonly #max: number;
  #inFlight = 0;
  readonly #queue: Waiter[] = [];
  #pausedUntilMs = 0;
  #decreasedAtMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: LaneLimits, clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;

    this.#limit = limits.initial ?? 16;
    this.#min = limits.min ?? 1;
    this.#max = limits.max ?? 64;
  }

  async enter(signal: AbortSignal | undefined): Promise<Slot> {
    signal?.throwIfAborted();
    if (this.#queue.length > 0 || !this.#open()) await this.#wait(signal);
    else this.#inFlight += 1;
    const startedAtMs = this.#clock.nowMs();
    const wasFull = this.#inFlight >= Math.floor(this.#limit);
    return {
      leave: (outcome) => {
        this.#inFlight -= 1;
        if (outcome !== 'cancelled') this.#learn(outcome, { startedAtMs, wasFull });
        this.#drain();
      },
    };
  }

  status(): LaneStatus {
    const pausedMs = Math.max(0, this.#pausedUntilMs - this.#clock.nowMs());
    return { limit: Math.floor(this.#limit), inFlight: this.#inFlight, queued: this.#queue.length, pausedMs };
  }

  #open(): boolean {
    return this.#inFlight < Math.floor(this.#limit) && this.#clock.nowMs() >= this.#pausedUntilMs;
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const abandon = (): void => {
        this.#queue.splice(this.#queue.indexOf(waiter), 1);
        reject(signal?.reason as Error);
      };
      const waiter: Waiter = {
        admit: () => {
          signal?.removeEventListener('abort', abandon);
          this.#inFlight += 1;
          resolve();
        },
      };
      signal?.addEventListener('abort', abandon, { once: true });
      this.#queue.push(waiter);
      this.#drain();
    });
  }

  #drain(): void {
    while (this.#queue.length > 0 && this.#open()) this.#queue.shift()?.admit();
    const pauseMs = this.#pausedUntilMs - this.#clock.nowMs();
    if (this.#queue.length === 0 || pauseMs <= 0 || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#drain();
    }, pauseMs);
  }

  #learn(
    outcome: Exclude<Outcome, 'cancelled'>,
    request: { readonly startedAtMs: number; readonly wasFull: boolean },
  ): void {
    const overloaded =
      outcome === 'failed' || outcome.status === 429 || outcome.status === 503 || outcome.status === 504;
    if (!overloaded) {
      // An idle lane learns nothing about what the server can take.
      if (request.wasFull) this.#limit = Math.min(this.#max, this.#limit + 1 / this.#limit);
      return;
    }
    const nowMs = this.#clock.nowMs();
    // All requests in flight fail together: that is one signal, not many.
    if (request.startedAtMs >= this.#decreasedAtMs) {
      this.#limit = Math.max(this.#min, this.#limit / 2);
      this.#decreasedAtMs = nowMs;
    }
    const retryAfterMs = outcome === 'failed' ? undefined : retryAfterMsOf(outcome.headers);
    if (retryAfterMs !== undefined)
      this.#pausedUntilMs = Math.max(this.#pausedUntilMs, nowMs + retryAfterMs * (1 + 0.1 * this.#random()));
  }
}

async function* linesOf(text: string): AsyncGenerator<string> {
  for (const line of text.split('\n')) if (line !== '') yield line;
}
