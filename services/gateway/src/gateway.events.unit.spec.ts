// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from 'node:fs';
import { decodeEvent, type EventType, type RecordedEvent } from '@plumbline/events';
import { ViewStore } from '@plumbline/read-models';
import { eventHandlersOf } from '@plumbline/reactor';
import { expect, it } from 'vitest';
import { GatewayEvents } from './gateway.events.js';
import { GatewayFold } from './state/gateway-fold.js';

const folder = new URL('../../../libs/events/testdata/', import.meta.url);

/** One event of each type, in the order of their positions. */
function samples(): readonly RecordedEvent[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => decodeEvent(readFileSync(new URL(file, folder), 'utf8')))
    .toSorted((left, right) => left.position - right.position);
}

it('handles every type that changes a document', () => {
  const handlers = eventHandlersOf(new GatewayEvents(new GatewayFold()), 'gateway');
  const views = new ViewStore();
  const changing = new Set<string>();
  for (let round = 0; round < 2; round += 1)
    for (const event of samples()) if (views.apply(event).length > 0) changing.add(event.type);
  expect(changing.size).toBeGreaterThan(25);
  expect([...changing].filter((type) => !handlers.has(type as EventType))).toEqual([]);
});

it('returns the same state from a snapshot', () => {
  const fold = new GatewayFold();
  const handlers = eventHandlersOf(new GatewayEvents(fold), 'gateway');
  for (const event of samples()) {
    void handlers.get(event.type as EventType)?.(event);
    fold.state.recorded(event);
  }
  const snapshot = JSON.stringify(fold.snapshot());
  const restored = new GatewayFold();
  restored.restore(JSON.parse(snapshot));
  expect(JSON.stringify(restored.snapshot())).toBe(snapshot);
  expect(restored.state.access.everIssued).toBe(true);
});
