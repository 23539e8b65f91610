// SPDX-License-Identifier: Apache-2.0
export { notifyAll, type CommittedListener, type CommittedRange } from './committed.js';
export { formatMicros, microsOf } from './append/time.js';
export { EVENT_LOG } from './event-log.port.js';
export type {
  AppendItem,
  AppendPlacement,
  AppendRequest,
  AppendResult,
  EventLog,
  EventPage,
  ExpectedRevision,
  ReadOptions,
} from './event-log.port.js';
export { PARKED_WORK } from './parked-work.port.js';
export type { AskedWork, ParkedItem, ParkedWork, ReleaseReport } from './parked-work.port.js';
export { checkLegalHold } from './legal-hold-check.js';
export { LEGAL_HOLDS } from './legal-holds.port.js';
export type { HoldChange, LegalHold, LegalHolds, NewLegalHold } from './legal-holds.port.js';
export { PERSONAL_DATA } from './personal-data.port.js';
export type { ErasureReport, PersonalData } from './personal-data.port.js';
export {
  checkLeaseRequest,
  type LeaseRequest,
  WORK_LEASES,
  type WorkLease,
  type WorkLeases,
} from './work-leases.port.js';
export {
  DELIVERY_CURSORS,
  type DeliveryCursor,
  type DeliveryCursors,
  type DeliveryProgress,
} from './delivery-cursors.port.js';
export { Refusals } from './refusals.js';
export { readAppended, subscribeBodies } from './raw-log.js';
export type { BodyPage, RawAppendResult, RawEventLog, StoredBody, SubscribeOptions } from './raw-log.js';
export { LOG_QUERIES } from './queries.port.js';
export type {
  AuditFilter,
  AuditPage,
  ListAsOfOptions,
  ListViewOptions,
  LogQueries,
  ViewMoment,
  ViewPage,
} from './queries.port.js';
export { consistencyAnswer, inclusionAnswer } from './tree-answers.js';
export { LOG_TREE } from './log-tree.port.js';
export type { CheckpointQuery, ConsistencyAnswer, InclusionAnswer, LogIdentity, LogTree } from './log-tree.port.js';
