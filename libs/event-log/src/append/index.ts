// SPDX-License-Identifier: Apache-2.0
export { answerRepeat, Batch, type PlacedRequest, revisionsAfter, type StoredEvent } from './batch.js';
export { type CheckedRequest, checkRequest } from './checked-request.js';
export { formatMicros, microsOf, nextCommitMicros } from './time.js';
export { checkReadOptions, MAX_READ_LIMIT } from '../read-options.js';
