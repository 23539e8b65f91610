// SPDX-License-Identifier: Apache-2.0
export { eventAt, eventOf, groupOf, messagesOf, testLogKey } from './messages.js';
export { messagingContract } from './messaging.contract.js';
export type { MessagingUnderTest } from './messaging.contract.js';
export { RecordingIntake } from './recording-intake.js';
