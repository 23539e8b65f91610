// SPDX-License-Identifier: Apache-2.0
export { EVENTS_PATTERN } from './event-batch.js';
export type { EventBatch, EventBatch as EventEnvelopeBatch } from './event-batch.js';
export type { DiscardListener } from './delivery.js';
export type { EventIntake, EventRange } from './event-intake.js';
export { EVENT_PUBLISHER } from './event-publisher.port.js';
export type { EventMessage, EventPublisher } from './event-publisher.port.js';
export { eventSubject, SUBJECT_PREFIX, subjectsOfType, subjectToken } from './event-subject.js';
export { EventTransport } from './event-transport.js';
export type { EventTransportOptions } from './event-transport.js';
export { groupMessages } from './groups/group-messages.js';
export type { StoredText } from './groups/group-messages.js';
export { groupText, Header } from './groups/headers.js';
export { DiscardReason, MessageVerifier } from './groups/message-verifier.js';
export type { DiscardedMessage, ReceivedMessage, VerifiedEvent } from './groups/message-verifier.js';
