// SPDX-License-Identifier: Apache-2.0
export { EVENT_BUS, EVENTS_PATTERN } from './bus.port.js';
export type { EventBus, EventEnvelopeBatch } from './bus.port.js';
export type { BusServer } from './bus-server.js';
