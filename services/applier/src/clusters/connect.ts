// SPDX-License-Identifier: Apache-2.0
import { SIMULATED_REMEDY } from '@plumbline/events';
import { connectKube, type KubeTransport, LimitedTransport } from '@plumbline/kube';
import type { ClusterState } from '../domain/fleet-state.js';
import type { ConnectCluster } from './cluster-registry.js';
import { UnsupportedConnectionError } from './cluster-session.js';

/** Connects as the declaration of a cluster says, with a limit on requests in flight. */
export function clusterConnector(options: { readonly requestsPerCluster: number }): ConnectCluster {
  const limits = { initial: options.requestsPerCluster, max: options.requestsPerCluster * 4 };
  return async (cluster) => new LimitedTransport(await open(cluster), { reads: limits, writes: limits });
}

async function open({ spec }: ClusterState): Promise<KubeTransport> {
  if (spec.simulated !== undefined) throw new UnsupportedConnectionError('PLB-4602', SIMULATED_REMEDY);
  if (spec.kubeconfig !== undefined) return connectKube({ kubeconfig: spec.kubeconfig });
  return connectKube({ inCluster: true });
}
