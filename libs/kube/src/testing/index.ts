// SPDX-License-Identifier: Apache-2.0
export type { Denial, KubeContractTarget } from './contract/bench.js';
export { InterruptedTransport } from './interrupted-transport.js';
export { kubeContract } from './kube.contract.js';
export type { KnownDifference, KubeContractOptions } from './kube.contract.js';
export { WatchRecorder } from './watch-recorder.js';
