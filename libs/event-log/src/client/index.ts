// SPDX-License-Identifier: Apache-2.0
export { ViewHistoryService } from './generated/plumbline/internal/v1/history.js';
export type { ViewHistoryServer } from './generated/plumbline/internal/v1/history.js';
export { LogService } from './generated/plumbline/internal/v1/log.js';
export type {
  AppendManyRequest,
  AppendManyResponse,
  LogServer,
  TracedAppend,
} from './generated/plumbline/internal/v1/log.js';
export { LogTreeService } from './generated/plumbline/internal/v1/tree.js';
export type { LogTreeServer } from './generated/plumbline/internal/v1/tree.js';
export { LogUpkeepService } from './generated/plumbline/internal/v1/upkeep.js';
export type { LogUpkeepServer } from './generated/plumbline/internal/v1/upkeep.js';
export { GrpcEventLog } from './grpc-event-log.js';
export { GrpcLogQueries } from './grpc-log-queries.js';
export { GrpcLogTree } from './grpc-log-tree.js';
export { GrpcParkedWork } from './grpc-parked-work.js';
export { GrpcDeliveryCursors, GrpcLegalHolds, GrpcPersonalData, GrpcWorkLeases } from './grpc-upkeep.js';
export { LogChannel, MAX_MESSAGE_BYTES } from './log-channel.js';
export type { LogChannelOptions } from './log-channel.js';
export { inTrace, metadataOf } from './trace.js';
export { actorFromWire, askedFromWire, holdToWire } from './upkeep-wire.js';
export { appendFromWire, jsonBytes, resultToWire } from './wire.js';
export { errorToBytes, statusFromError } from './wire-errors.js';
