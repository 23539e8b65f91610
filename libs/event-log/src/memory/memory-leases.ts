// SPDX-License-Identifier: Apache-2.0
import type { DeliveryCursor, DeliveryCursors, DeliveryProgress } from '../delivery-cursors.port.js';
import { checkLeaseRequest, type LeaseRequest, type WorkLease, type WorkLeases } from '../work-leases.port.js';

interface Held extends WorkLease {
  readonly untilMs: number;
}

/** Leases in memory, for specs. */
export class MemoryWorkLeases implements WorkLeases {
  readonly #nowMs: () => number;
  readonly #leases = new Map<string, Held>();

  /** @param nowMs a clock that never goes back */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  async acquire(request: LeaseRequest): Promise<WorkLease | undefined> {
    checkLeaseRequest(request);
    const { work, holder, ttlMs } = request;
    const before = this.#leases.get(work);
    if (before !== undefined && before.holder !== holder && before.untilMs > this.#nowMs()) return undefined;
    const epoch = before?.holder === holder ? before.epoch : (before?.epoch ?? 0) + 1;
    this.#leases.set(work, { work, holder, epoch, untilMs: this.#nowMs() + ttlMs });
    return { work, holder, epoch };
  }

  async release(lease: WorkLease): Promise<void> {
    const held = this.#leases.get(lease.work);
    if (held !== undefined && held.holder === lease.holder && held.epoch === lease.epoch)
      this.#leases.set(lease.work, { ...held, untilMs: Number.NEGATIVE_INFINITY });
  }

  /** True while the lease is that of its holder and has not expired. */
  isValid({ work, holder, epoch }: WorkLease): boolean {
    const held = this.#leases.get(work);
    return held?.holder === holder && held.epoch === epoch && held.untilMs > this.#nowMs();
  }
}

/** Delivery cursors in memory, for specs. */
export class MemoryDeliveryCursors implements DeliveryCursors {
  readonly #leases: MemoryWorkLeases;
  readonly #cursors = new Map<string, DeliveryCursor>();

  constructor(leases: MemoryWorkLeases) {
    this.#leases = leases;
  }

  async list(): Promise<readonly DeliveryCursor[]> {
    return [...this.#cursors.values()].toSorted((a, b) => (a.subscription < b.subscription ? -1 : 1));
  }

  async advance({ subscription, begunBy, position, delivered }: DeliveryProgress, lease: WorkLease): Promise<boolean> {
    if (!this.#leases.isValid(lease)) return false;
    const before = this.#cursors.get(subscription)?.delivered ?? 0;
    const updatedAt = new Date().toISOString();
    this.#cursors.set(subscription, { subscription, begunBy, position, delivered: before + delivered, updatedAt });
    return true;
  }

  async remove(subscription: string, lease: WorkLease): Promise<void> {
    if (this.#leases.isValid(lease)) this.#cursors.delete(subscription);
  }
}
