// SPDX-License-Identifier: Apache-2.0
export { ensureEventStream, EVENT_STREAM } from './event-stream.js';
export { JetStreamPublisher } from './jetstream-publisher.js';
export type { JetStreamPublisherOptions } from './jetstream-publisher.js';
export { JetStreamTransport } from './jetstream-transport.js';
export type { JetStreamTransportOptions } from './jetstream-transport.js';
export { NatsLink } from './nats-link.js';
export type { NatsLinkOptions } from './nats-link.js';
