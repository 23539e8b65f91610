// SPDX-License-Identifier: Apache-2.0
export { MemoryEventLog } from '../memory/memory-event-log.js';
export { eventLogContract } from './event-log.contract.js';
export type { LogUnderTest } from './event-log.contract.js';
export { randomHistory } from './random-history.js';
export { actorOf, projectDeclared, sampleAppend } from './sample-events.js';
export type { SampleAppend } from './sample-events.js';
export { MemoryLogTree } from '../memory/memory-log-tree.js';
export { logTreeContract } from './log-tree.contract.js';
export type { TreeUnderTest } from './log-tree.contract.js';
export { MemoryLegalHolds, MemoryParkedWork, MemoryPersonalData } from '../memory/memory-upkeep.js';
export { legalHoldsContract } from './legal-holds.contract.js';
export type { HoldsUnderTest } from './legal-holds.contract.js';
export { MemoryDeliveryCursors, MemoryWorkLeases } from '../memory/memory-leases.js';
export { leasesContract, type LeasesUnderTest } from './leases.contract.js';
