// SPDX-License-Identifier: Apache-2.0
export type { StatusSimulation, WorkloadFailure, WorkloadName } from './controllers/controllers.js';
export type { AdmissionHook, AdmissionRefusal, AdmissionRequest } from './rest/context.js';
export { SimulatedCluster } from './simulated-cluster.js';
export type { RecordedRequest, SimulatedClusterOptions, SimulatedClusterState } from './simulated-cluster.js';
