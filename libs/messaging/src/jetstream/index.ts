// SPDX-License-Identifier: Apache-2.0
export { EVENT_STREAM } from './event-stream.js';
export { EventSubjects, eventSubject, SUBJECT_STREAM, subjectToken } from './event-subjects.js';
export { facetHeaders, mayHold } from './facet-headers.js';
export { JetStreamBus } from './jetstream-bus.js';
export type { JetStreamBusOptions } from './jetstream-bus.js';
export { JetStreamServer } from './jetstream-server.js';
export type { JetStreamServerOptions } from './jetstream-server.js';
export { NatsLink } from './nats-link.js';
export type { NatsLinkOptions } from './nats-link.js';
