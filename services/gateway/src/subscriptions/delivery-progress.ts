// SPDX-License-Identifier: Apache-2.0
import type { DeliveryCursor } from '@plumbline/event-log';
import type { SubscriptionView } from '@plumbline/read-models';

/** Position of the event that set last where deliveries begin; a cursor that was begun before it is obsolete. */
function beginning({ begun, declared, replayed }: SubscriptionView): number {
  return begun ?? Math.max(declared.position, replayed?.position ?? -1);
}

/**
 * Returns the subscription with the progress of its delivery cursor. Installations that are older than the cursors
 * have recorded their
 * progress as events: the view begins with it.
 */
export function withProgress(view: SubscriptionView, cursor: DeliveryCursor | undefined): SubscriptionView {
  if (cursor === undefined) return view;
  const delivered = view.delivered + cursor.delivered;
  if (cursor.begunBy < beginning(view)) return { ...view, delivered };
  return {
    ...view,
    delivered,
    position: Math.max(view.position, cursor.position),
    progressedAt: cursor.updatedAt,
  };
}
