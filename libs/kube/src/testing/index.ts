// SPDX-License-Identifier: Apache-2.0
export type { Denial, KubeContractTarget } from './contract/bench.js';
export { InterruptedTransport } from './interrupted-transport.js';
export { kubeContract } from './kube.contract.js';
export type { KubeContractOptions } from './kube.contract.js';
export { simulatedDifferences } from './known-differences.js';
export type { KnownDifference } from './known-differences.js';
export { WatchRecorder } from './watch-recorder.js';
