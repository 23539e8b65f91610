// SPDX-License-Identifier: Apache-2.0
import { UpstreamError } from '@plumbline/core';
import type { WorkLeases } from './work-leases.port.js';

/** Works that are remembered at most: there are a handful. */
const MAX_WORKS = 1_000;

/** The leases of a process that leads the log, in its memory. */
export class WorkLeaseBook implements WorkLeases {
  readonly #nowMs: () => number;

  readonly #untilMs = new Map<string, number>();
  #sinceMs: number | undefined;

  /** @param nowMs a clock that never goes back */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** To be called when the process begins and when it ceases to lead. */
  lead(leads: boolean): void {
    this.#untilMs.clear();
    this.#sinceMs = leads ? this.#nowMs() : undefined;
  }

  async keep(work: string, ttlMs: number): Promise<void> {
    this.#since();
    if (this.#untilMs.size >= MAX_WORKS) this.#untilMs.clear();
    this.#untilMs.set(work, this.#nowMs() + ttlMs);
  }

  async isVacant(work: string, ttlMs: number): Promise<boolean> {
    const sinceMs = this.#since();
    return this.#nowMs() >= (this.#untilMs.get(work) ?? sinceMs + ttlMs);
  }

  #since(): number {
    if (this.#sinceMs === undefined)
      throw new UpstreamError('PLB-6002', 'another process leads the log: it alone knows who works', {
        details: { notLeading: true },
      });
    return this.#sinceMs;
  }
}
