// SPDX-License-Identifier: Apache-2.0
export { migrateObjectStore } from './migrate.js';
export { PostgresObjectStore } from './postgres-object-store.js';
export type { PostgresObjectStoreOptions } from './postgres-object-store.js';
