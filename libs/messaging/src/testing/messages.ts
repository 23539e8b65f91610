// SPDX-License-Identifier: Apache-2.0
import { canonicalJson, derivedId } from '@plumbline/core';
import type { RecordedEvent } from '@plumbline/events';
import { generateSigningKeyPem, type NoteSigner, pemSigner } from '@plumbline/merkle';
import type { EventMessage } from '../event-publisher.port.js';
import { groupMessages } from '../groups/group-messages.js';

const TIME = '2026-01-01T00:00:00.000Z';

/** A key of a log for tests. */
export function testLogKey(origin = 'log.test/messaging'): NoteSigner {
  return pemSigner(generateSigningKeyPem(), origin);
}

/** A valid event at a position; `repository` may be long to make it big. */
export function eventAt(position: number, repository = 'shop'): RecordedEvent {
  return {
    id: derivedId(Date.parse(TIME), 'messaging-contract', String(position)),
    type: 'RepositoryRecovered',
    schemaVersion: 1,
    stream: 'repository-shop',
    revision: position,
    position,
    occurredAt: TIME,
    recordedAt: TIME,
    actor: { kind: 'service', id: 'watcher', name: 'watcher' },
    causationId: derivedId(Date.parse(TIME), 'cause'),
    correlationId: derivedId(Date.parse(TIME), 'cause'),
    data: { repository },
  };
}

/** An event of any type at a position, with any data: as a newer writer may store it. */
export function eventOf(position: number, type: string, data: object): RecordedEvent {
  return { ...eventAt(position), type, data } as unknown as RecordedEvent;
}

/** The messages of one commit with these events. */
export async function groupOf(
  events: readonly RecordedEvent[],
  signer: NoteSigner | undefined,
): Promise<readonly EventMessage[]> {
  return groupMessages(
    events.map((event) => ({ position: event.position, body: canonicalJson(event) })),
    signer,
  );
}

/** The messages of one commit with events at the positions from `first` to `last`. */
export async function messagesOf(
  first: number,
  last: number,
  signer: NoteSigner | undefined,
): Promise<readonly EventMessage[]> {
  return groupOf(
    Array.from({ length: last - first + 1 }, (_, index) => eventAt(first + index)),
    signer,
  );
}
