// SPDX-License-Identifier: Apache-2.0
import type { WorkLease } from './work-leases.port.js';

/** Injection token of the {@link DeliveryCursors}. */
export const DELIVERY_CURSORS = Symbol('DELIVERY_CURSORS');

/** How far events were delivered to a subscription. */
export interface DeliveryCursor {
  readonly subscription: string;
  /** Position of the declaration or replay that the delivery was begun for: a later one makes the position obsolete. */
  readonly begunBy: number;
  /** Position of the last event that was delivered, filtered out or dead-lettered. */
  readonly position: number;
  /** Events that were delivered since the cursor exists. */
  readonly delivered: number;
  /** RFC 3339. */
  readonly updatedAt: string;
}

/** What {@link DeliveryCursors.advance} writes. */
export interface DeliveryProgress {
  readonly subscription: string;
  readonly begunBy: number;
  readonly position: number;
  /** Events that were delivered since the last write. */
  readonly delivered: number;
}

/**
 * Positions of deliveries to subscriptions, in a table next to the log. All methods throw UpstreamError PLB-6007 when
 * the database is not reachable.
 */
export interface DeliveryCursors {
  /** Returns all cursors, by name of the subscription. */
  list(): Promise<readonly DeliveryCursor[]>;
  /**
   * Moves a cursor in the name of a lease. Returns false, and writes nothing, when the lease expired or has another
   * holder.
   */
  advance(progress: DeliveryProgress, lease: WorkLease): Promise<boolean>;
  /**
   * Removes the cursor of a subscription that was removed; does nothing when there is none or the lease is not valid.
   */
  remove(subscription: string, lease: WorkLease): Promise<void>;
}
