// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import type { ApplicationStatus, EnvironmentStatus, ResourceInput } from '@plumbline/api-client';
import { type GitRepository, type GitServer, startGit, startLiveCluster } from '@plumbline/testkit';
import { ClusterDoor } from './cluster-door.js';
import { clusterResource, repositoryResource } from './samples.js';
import { startTopology, type Topology, type TopologyOptions } from './topology.js';

/** `simulated`: in the applier's process; `real`: an API server with controllers. */
export const ClusterKind = ['simulated', 'real'] as const;
/** One of {@link ClusterKind}. */
export type ClusterKind = (typeof ClusterKind)[number];

/** A topology with a Git server and two clusters: `east` (staging) and `west` (production). */
export interface Stage extends AsyncDisposable {
  readonly topology: Topology;
  readonly git: GitServer;
  readonly east: ClusterDoor;
  readonly west: ClusterDoor;
  /** A new Git repository with these files, and the Repository of the same name that follows it. */
  repository(name: string, files: Readonly<Record<string, string>>): Promise<GitRepository>;
  apply(...resources: readonly ResourceInput[]): Promise<void>;
  /** Waits until the environment runs the version, synced and healthy. */
  healthy(application: string, wish: Wish): Promise<EnvironmentStatus>;
}

/** What to wait for: the version, or the commit that it comes from. */
export interface Wish {
  readonly version?: number;
  readonly commit?: string;
  /** `staging` when absent. */
  readonly environment?: string;
  readonly timeoutMs?: number;
}

/** Options of a stage. */
export interface StageOptions extends TopologyOptions {
  readonly clusters: ClusterKind;
  /** Of a real cluster that runs already; a new one is started when absent. */
  readonly kubeconfigPath?: string;
}

/** Starts everything that a story of a user needs. */
export async function startStage(options: StageOptions): Promise<Stage> {
  const stack = new AsyncDisposableStack();
  try {
    const git = stack.use(await startGit());
    const kubeconfigPath =
      options.clusters === 'simulated'
        ? undefined
        : (options.kubeconfigPath ?? stack.use(await startLiveCluster()).kubeconfigPath);
    const topology = stack.use(await startTopology(options));
    const { client, book } = topology;
    const spec = kubeconfigPath === undefined ? { simulated: {} } : { kubeconfig: { path: kubeconfigPath } };
    await client.apply({
      resources: [clusterResource('east', 'staging', spec), clusterResource('west', 'production', spec)],
    });
    const door = (name: string): ClusterDoor =>
      new ClusterDoor(kubeconfigPath ?? path.join(topology.dataDir, 'simulated', `${name}.kubeconfig`));
    const apply = async (...resources: readonly ResourceInput[]): Promise<void> =>
      void (await client.apply({ resources }));
    return {
      topology,
      git,
      apply,
      east: door('east'),
      west: door('west'),
      repository: async (name, files) => {
        const repository = await git.createRepository(name);
        await repository.commit({ files, message: 'the first commit' });
        await apply(repositoryResource(name, repository.url));
        return repository;
      },
      healthy: async (application, wish) => {
        const status = await book.until(
          `healthy ${application} at ${JSON.stringify(wish)}`,
          async () => runs(await client.status(application, { minPosition: book.head }), wish),
          wish,
        );
        await book.caughtUp();
        return status;
      },
      [Symbol.asyncDispose]: async () => stack.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

function runs(
  status: ApplicationStatus,
  { version, commit, environment = 'staging' }: Wish,
): EnvironmentStatus | undefined {
  const found = status.environments.find(({ name }) => name === environment);
  if (found?.released === undefined || found.targets.length === 0) return undefined;
  if (version !== undefined && found.released.version !== version) return undefined;
  if (commit !== undefined && found.released.revision !== commit) return undefined;
  const { released } = found;
  return found.targets.every(
    (target) =>
      target.sync.state === 'Synced' && target.health.state === 'Healthy' && target.version === released.version,
  )
    ? found
    : undefined;
}
