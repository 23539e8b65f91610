// SPDX-License-Identifier: Apache-2.0
import type { EventEnvelopeBatch } from '@plumbline/messaging';
import { decodeEvent } from '@plumbline/events';
import type { StoredBody } from '@plumbline/event-log';

/** What one message of the bus holds at most. */
export const envelopeLimits = { events: 200, bytes: 256 * 1024 } as const;

/**
 * The messages of one commit. The cuts follow from the commit alone, so that a repetition is the same message and can be dropped as such.
 * An event above the byte limit goes alone.
 */
export function envelopesOf(
  bodies: readonly StoredBody[],
  limits: { readonly events: number; readonly bytes: number } = envelopeLimits,
): EventEnvelopeBatch[] {
  const envelopes: EventEnvelopeBatch[] = [];
  let part: StoredBody[] = [];
  let bytes = 0;
  const cut = (): void => {
    const [first, last] = [part.at(0), part.at(-1)];
    if (first === undefined || last === undefined) return;
    envelopes.push({
      shard: 0,
      firstPosition: first.position,
      lastPosition: last.position,
      events: part.map(({ body }) => decodeEvent(body)),
    });
    part = [];
    bytes = 0;
  };
  for (const stored of bodies) {
    const size = Buffer.byteLength(stored.body);
    if (part.length === limits.events || (part.length > 0 && bytes + size > limits.bytes)) cut();
    part.push(stored);
    bytes += size;
  }
  cut();
  return envelopes;
}
