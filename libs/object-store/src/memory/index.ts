// SPDX-License-Identifier: Apache-2.0
export { MemoryObjectStore } from './memory-object-store.js';
