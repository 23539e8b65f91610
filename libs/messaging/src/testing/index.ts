// SPDX-License-Identifier: Apache-2.0
export { batchOf, eventAt } from './batches.js';
export { busContract } from './bus.contract.js';
export type { BusUnderTest } from './bus.contract.js';
export { startNestService } from './nest-service.js';
export type { BatchHandler, RunningService } from './nest-service.js';
