// SPDX-License-Identifier: Apache-2.0
export { ManagedProcess, type ManagedProcessOptions } from './servers/managed-process.js';
export { pollInterval, WAIT_LIMIT_MS, waitUntil, type WaitUntilOptions } from './polling.js';
export { freePort, withFreePort } from './servers/free-port.js';
export { tempDir, type TempDir } from './servers/temp-dir.js';
export { availability, preparedBinary, type Availability, type Requirement } from './servers/requirements.js';
export {
  isolatedDatabase,
  sharedDatabase,
  startPostgres,
  type DatabaseTemplate,
  type IsolatedDatabase,
  type PostgresFlavour,
  type PostgresOptions,
  type PostgresServer,
  type TestDatabase,
} from './servers/postgres.js';
export { startNats, type NatsFlavour, type NatsOptions, type NatsServer } from './servers/nats.js';
export { startGit, type GitFault, type GitRequest, type GitServer, type GitServerOptions } from './servers/git.js';
export { GitRepository, type CommitOptions, type GitAuthor, type GitFile } from './servers/git-repository.js';
export { startSsh, type SshKey, type SshServer } from './servers/ssh.js';
export {
  startKube,
  type AuditLevel,
  type EtcdFlavour,
  type KubeAuditEvent,
  type KubeCredentials,
  type KubeOptions,
  type KubeRequestOptions,
  type KubeResponse,
  type KubeServer,
  type KubeUser,
} from './servers/kube.js';
export { startLiveCluster, type LiveCluster, type LiveClusterOptions } from './servers/live-cluster.js';
export { POD_FATE_ANNOTATION, type PodFate } from './servers/live-cluster-stages.js';
export {
  startSimulatedClusters,
  type SimulatedClusterHandle,
  type SimulatedClusters,
  type SimulatedClustersOptions,
  type SimulatedResponse,
} from './servers/simulated-clusters.js';
