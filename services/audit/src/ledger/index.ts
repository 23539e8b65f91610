// SPDX-License-Identifier: Apache-2.0
export { ArchiveFiles } from './archive/archive-files.js';
export type { ArchiveChunk } from './archive/archive-files.js';
export { writerLimits } from './writer-limits.js';
export type { WriterLimits } from './writer-limits.js';
export { migrateLedger } from './migrate.js';
export type { Notices } from './notices.js';
export { PostgresEventLog } from './postgres-event-log.js';
export type { PostgresEventLogOptions } from './postgres-event-log.js';
export type { KnownPerson, PersonalFields } from './personal/personal-fields.js';
