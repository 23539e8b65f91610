// SPDX-License-Identifier: Apache-2.0
export { compactDefinition, compactDocument } from './compact.js';
export type { CompactKind, KindSchema, ListNode, ObjectNode, SchemaNode } from './model.js';
export { optsOutOfValidation } from './opt-out.js';
export { validateObject } from './validate.js';
export type { SchemaIssue } from './validate.js';
