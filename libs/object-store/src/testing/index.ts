// SPDX-License-Identifier: Apache-2.0
export { MemoryObjectStore } from '../memory/memory-object-store.js';
export { objectStoreContract } from './object-store.contract.js';
export type { StoreUnderTest } from './object-store.contract.js';
export { createTestStore } from './test-store.js';
export type { TestStore } from './test-store.js';
