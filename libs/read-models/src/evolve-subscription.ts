// SPDX-License-Identifier: Apache-2.0
import type { PlumblineEvent } from '@plumbline/events';
import type { SubscriptionView, ViewChange, ViewReader } from './documents.js';
import { provenanceOf } from './evolve-declared.js';

/** Subscriptions: their specs, the position of deliveries, and dead-lettered events. */
export function evolveSubscription(views: ViewReader, event: PlumblineEvent): readonly ViewChange[] {
  switch (event.type) {
    case 'SubscriptionDeclared': {
      const before = views.get('subscription', event.data.name);
      const { after } = event.data.spec;
      const { begun: _, ...kept } = before ?? {};
      const fresh = { parked: [], delivered: 0, position: event.position };
      const begins = after !== undefined && after !== before?.spec.after;
      const place = begins ? { position: after, parked: [] } : before === undefined ? {} : { begun: begunOf(before) };
      return [
        {
          view: 'subscription',
          key: event.data.name,
          document: { ...fresh, ...kept, ...event.data, ...place, declared: provenanceOf(event) },
        },
      ];
    }
    case 'SubscriptionRemoved':
      return [{ view: 'subscription', key: event.data.name, document: undefined }];
    case 'DeliveryProgressed':
      return progressed(views, event.data, (before) => ({
        ...before,
        position: Math.max(before.position, event.data.position),
        delivered: before.delivered + event.data.delivered,
        progressedAt: event.recordedAt,
      }));
    case 'DeliveryParked': {
      const { position, key, attempts, message } = event.data;
      const deadLettered = { position, key, attempts, message, at: event.recordedAt };
      return progressed(views, event.data, (before) => ({
        ...before,
        parked: [...before.parked.filter((other) => other.key !== key), deadLettered],
      }));
    }
    case 'DeliveryReplayRequested':
      return update(views, event.data.subscription, ({ begun: _, ...before }) => ({
        ...before,
        parked: [],
        position: event.data.after,
        replayed: provenanceOf(event),
      }));
    default:
      return [];
  }
}

/** Position of the event that last set the start of deliveries. */
function begunOf({ begun, declared, replayed }: SubscriptionView): number {
  return begun ?? Math.max(declared.position, replayed?.position ?? -1);
}

/** Ignores progress of deliveries that started before the newest start. */
function progressed(
  views: ViewReader,
  of: { readonly subscription: string; readonly begunBy: number },
  change: (before: SubscriptionView) => SubscriptionView,
): readonly ViewChange[] {
  const before = views.get('subscription', of.subscription);
  return before === undefined || of.begunBy < begunOf(before) ? [] : update(views, of.subscription, change);
}

function update(
  views: ViewReader,
  name: string,
  change: (before: SubscriptionView) => SubscriptionView,
): readonly ViewChange[] {
  const before = views.get('subscription', name);
  return before === undefined ? [] : [{ view: 'subscription', key: name, document: change(before) }];
}
