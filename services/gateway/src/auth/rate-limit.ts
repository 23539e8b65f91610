// SPDX-License-Identifier: Apache-2.0

/** How much is allowed. */
export interface RateLimitOptions {
  readonly perMinute: number;
  /**
   * Sources told apart; beyond these all others share one allowance, so that many sources cannot push the guilty ones
   * out.
   */
  readonly maxSources?: number;
}

interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}

const OTHERS = '*';

/** A token bucket per source. */
export class RateLimit {
  readonly #options: RateLimitOptions;

  readonly #buckets = new Map<string, Bucket>();
  readonly #perMs: number;

  constructor(options: RateLimitOptions) {
    this.#options = options;

    this.#perMs = options.perMinute / 60_000;
  }

  /** Takes one; returns 0 when it was there, else the milliseconds until there is one. */
  take(source: string, nowMs: number): number {
    const key = this.#keyOf(source, nowMs);
    const tokens = this.#filled(key, nowMs);
    if (tokens < 1) {
      this.#buckets.set(key, { tokens, atMs: nowMs });
      return Math.ceil((1 - tokens) / this.#perMs);
    }
    this.#buckets.set(key, { tokens: tokens - 1, atMs: nowMs });
    return 0;
  }

  #filled(key: string, nowMs: number): number {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return this.#options.perMinute;
    return Math.min(this.#options.perMinute, bucket.tokens + Math.max(0, nowMs - bucket.atMs) * this.#perMs);
  }

  #keyOf(source: string, nowMs: number): string {
    if (this.#buckets.has(source)) return source;
    if (this.#buckets.size < (this.#options.maxSources ?? 10_000)) return source;
    for (const [key, bucket] of this.#buckets) {
      if (nowMs - bucket.atMs >= 60_000) this.#buckets.delete(key);
    }
    return this.#buckets.size < (this.#options.maxSources ?? 10_000) ? source : OTHERS;
  }
}
