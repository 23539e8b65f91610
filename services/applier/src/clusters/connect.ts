// SPDX-License-Identifier: Apache-2.0
import { SIMULATED_REMEDY } from '@plumbline/events';
import { connectKube, type KubeTransport, LimitedTransport } from '@plumbline/kube';
import { UnsupportedConnectionError } from './cluster-session.js';
import type { ConnectCluster } from './cluster-sessions.js';

/** Returns a function that connects to declared clusters, with a limit on concurrent requests. */
export function clusterConnector(options: { readonly requestsPerCluster: number }): ConnectCluster {
  const limits = { initial: options.requestsPerCluster, max: options.requestsPerCluster * 4 };
  return async (cluster) => new LimitedTransport(await open(cluster), { reads: limits, writes: limits });
}

async function open({ spec }: Parameters<ConnectCluster>[0]): Promise<KubeTransport> {
  if (spec.simulated !== undefined) throw new UnsupportedConnectionError('PLB-4602', SIMULATED_REMEDY);
  if (spec.kubeconfig !== undefined) return connectKube({ kubeconfig: spec.kubeconfig });
  return connectKube({ inCluster: true });
}
