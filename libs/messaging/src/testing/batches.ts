// SPDX-License-Identifier: Apache-2.0
import { derivedId } from '@plumbline/core';
import type { RecordedEvent } from '@plumbline/events';
import type { EventEnvelopeBatch } from '../bus.port.js';

const TIME = '2026-01-01T00:00:00.000Z';

/** A valid event at a position; `repository` may be long to make it big. */
export function eventAt(position: number, repository = 'shop'): RecordedEvent {
  return {
    id: derivedId(Date.parse(TIME), 'bus-contract', String(position)),
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

/** A batch of shard 0 with the positions from `first` to `last`. */
export function batchOf(first: number, last: number, repository?: string): EventEnvelopeBatch {
  const events = Array.from({ length: last - first + 1 }, (_, index) => eventAt(first + index, repository));
  return { shard: 0, firstPosition: first, lastPosition: last, events };
}
