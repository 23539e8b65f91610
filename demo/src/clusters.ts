// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import type { ResourceInput } from '@plumbline/api-client';
import { connectKube, KubeClient } from '@plumbline/kube';
import type { DemoOptions } from './options.config.js';
import { startSimulatedClusters } from './simulated-clusters.js';

/** One cluster of the demo. */
export interface DemoCluster {
  readonly name: string;
  readonly tier: 'staging' | 'production';
  readonly kubeconfig: { readonly path: string; readonly context?: string };
}

/** The clusters of the demo. */
export interface DemoClusters {
  readonly staging: DemoCluster;
  readonly production: DemoCluster;
  /** Ends what was started for them. */
  stop(): Promise<void>;
}

/** Starts two simulated clusters, or returns the cluster of the given context under two names. */
export async function startClusters(options: DemoOptions): Promise<DemoClusters> {
  if (options.context !== undefined) {
    const kubeconfig = { path: options.kubeconfig, context: options.context };
    return {
      staging: { name: 'east', tier: 'staging', kubeconfig },
      production: { name: 'west', tier: 'production', kubeconfig },
      stop: async () => Promise.resolve(),
    };
  }
  const simulated = await startSimulatedClusters(join(options.dataDir, 'simulated'), ['east', 'west']);
  return {
    staging: { name: 'east', tier: 'staging', kubeconfig: { path: simulated.kubeconfigOf('east') } },
    production: { name: 'west', tier: 'production', kubeconfig: { path: simulated.kubeconfigOf('west') } },
    stop: async () => simulated.stop(),
  };
}

/** All resources of the demo. */
export function demoResources(url: string, clusters: readonly DemoCluster[]): readonly ResourceInput[] {
  const apiVersion = 'plumbline.dev/v1alpha1';
  const environment = (tier: DemoCluster['tier'], path: string): object => ({
    name: tier,
    clusters: { matchLabels: { tier } },
    path,
    namespace: `shop-${tier}`,
  });
  return [
    { apiVersion, kind: 'Project', metadata: { name: 'default' }, spec: { forbiddenKinds: ['ClusterRoleBinding'] } },
    { apiVersion, kind: 'Repository', metadata: { name: 'shop' }, spec: { url, interval: '5s' } },
    ...clusters.map(({ name, tier, kubeconfig }) => ({
      apiVersion,
      kind: 'Cluster',
      metadata: { name, labels: { tier } },
      spec: { kubeconfig },
    })),
    {
      apiVersion,
      kind: 'Application',
      metadata: { name: 'web' },
      spec: {
        repository: 'shop',
        path: 'web',
        namespace: 'shop',
        environments: [
          environment('staging', 'web/overlays/staging'),
          {
            ...environment('production', 'web/overlays/production'),
            after: ['staging'],
            approvals: { required: 1, excludeAuthors: true },
          },
        ],
      },
    },
    {
      apiVersion,
      kind: 'Application',
      metadata: { name: 'settings' },
      spec: {
        repository: 'shop',
        path: 'settings',
        environments: [
          environment('staging', 'settings'),
          { ...environment('production', 'settings'), after: ['staging'] },
        ],
      },
    },
  ];
}

/** A client of the cluster, as a person with kubectl would have. */
export async function clientOf(cluster: DemoCluster): Promise<KubeClient> {
  return new KubeClient(await connectKube({ kubeconfig: cluster.kubeconfig }, { userAgent: 'demo-person' }), {
    cluster: cluster.name,
  });
}

/** Replicas of the shop's Deployment on a cluster. */
export async function replicasOn(cluster: DemoCluster): Promise<number> {
  const client = await clientOf(cluster);
  try {
    const deployment = await client.get(await deployments(client), `shop-${cluster.tier}`, 'web');
    const spec = deployment?.['spec'];
    return typeof spec === 'object' && spec !== null && 'replicas' in spec ? Number(spec.replicas) : 0;
  } finally {
    await client.close();
  }
}

/** Somebody edits the Deployment by hand. */
export async function editReplicas(cluster: DemoCluster, replicas: number): Promise<void> {
  const client = await clientOf(cluster);
  try {
    await client.patch(
      await deployments(client),
      { namespace: `shop-${cluster.tier}`, name: 'web' },
      { merge: { spec: { replicas } } },
    );
  } finally {
    await client.close();
  }
}

async function deployments(client: KubeClient): Promise<Parameters<KubeClient['get']>[0]> {
  const lookup = await client.discovery.resourceFor('apps/v1', 'Deployment');
  if (!('found' in lookup)) throw new Error('the cluster serves no Deployments');
  return lookup.found;
}
