// SPDX-License-Identifier: Apache-2.0
export { OBJECT_STORE } from './object-store.port.js';
export type { ObjectStore, StoredContent } from './object-store.port.js';
export { GatheringObjectStore } from './gathering-object-store.js';
export type { GatheringOptions } from './gathering-object-store.js';
