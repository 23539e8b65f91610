// SPDX-License-Identifier: Apache-2.0
import { connectKube, type KubeTransport, LimitedTransport } from '@plumbline/kube';
import type { ClusterState } from '../domain/fleet-state.js';
import type { ConnectCluster } from './cluster-registry.js';
import type { SimulatedClusters } from './simulated-clusters.js';

/** Connects as the declaration of a cluster says, with a limit on requests in flight. */
export function clusterConnector(options: {
  readonly requestsPerCluster: number;
  readonly simulated: SimulatedClusters;
}): ConnectCluster {
  const limits = { initial: options.requestsPerCluster, max: options.requestsPerCluster * 4 };
  return async (cluster) =>
    new LimitedTransport(await open(cluster, options.simulated), { reads: limits, writes: limits });
}

async function open({ name, spec }: ClusterState, simulated: SimulatedClusters): Promise<KubeTransport> {
  if (spec.simulated !== undefined) return simulated.transport(name);
  if (spec.kubeconfig !== undefined) return connectKube({ kubeconfig: spec.kubeconfig });
  return connectKube({ inCluster: true });
}
