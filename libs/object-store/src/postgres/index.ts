// SPDX-License-Identifier: Apache-2.0
export { migrateObjectStore } from './migrate.js';
export { PostgresObjectStore } from './postgres-object-store.js';
export type { PostgresObjectStoreOptions } from './postgres-object-store.js';
export { inspectRole, LOG_SCHEMAS, requireSeparateRole } from './separate-role.js';
export type { RoleReport } from './separate-role.js';
