// SPDX-License-Identifier: Apache-2.0
export { AlterableLog } from './alterable-log.js';
export type { Alteration } from './alterable-log.js';
export { reactorContract } from './reactor.contract.js';
export type { ReactorSetup, ReactorSubject } from './reactor.contract.js';
export { recordedMetrics } from './recorded-metrics.js';
export type { RecordedMetrics } from './recorded-metrics.js';
