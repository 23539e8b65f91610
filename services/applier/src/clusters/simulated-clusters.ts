// SPDX-License-Identifier: Apache-2.0
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { messageOf } from '@plumbline/core';
import type { KubeTransport } from '@plumbline/kube';
import type { SimulatedCluster, SimulatedClusterState } from '@plumbline/simulated-cluster';
import { type Logger, LOGGER } from '@plumbline/platform';

/** Injection token of the {@link SimulatedOptions}. */
export const SIMULATED_OPTIONS = Symbol('SIMULATED_OPTIONS');

/** Where simulated clusters live. */
export interface SimulatedOptions {
  readonly directory: string;
  /** Open a loopback HTTP door to each and write a kubeconfig for it. */
  readonly doors: boolean;
}

const SAVE_MS = 500;

interface Kept {
  readonly cluster: SimulatedCluster;
  readonly file: string;
  savedVersion: string;
  saving: Promise<void>;
}

/** The simulated clusters of this process, kept in a directory so that a restart finds them as they were. */
@Injectable()
export class SimulatedClusters implements OnApplicationShutdown {
  readonly #options: SimulatedOptions;
  readonly #logger: Logger;

  readonly #clusters = new Map<string, Promise<Kept>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(@Inject(SIMULATED_OPTIONS) options: SimulatedOptions, @Inject(LOGGER) logger: Logger) {
    this.#options = options;
    this.#logger = logger;
  }

  /** The way to a simulated cluster; it begins to exist with the first call. */
  async transport(name: string): Promise<KubeTransport> {
    return (await this.#kept(name)).cluster.transport();
  }

  /** The cluster itself, for tests that turn its knobs. */
  async cluster(name: string): Promise<SimulatedCluster> {
    return (await this.#kept(name)).cluster;
  }

  /** After the sessions have ended: a cluster that went away under them would be told as lost. */
  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.#timer);
    for (const [name, opening] of this.#clusters) {
      const kept = await opening.catch(() => undefined);
      if (kept === undefined) continue;
      await this.#save(kept);
      await kept.cluster.close();
      await rm(this.#file(name, 'kubeconfig'), { force: true });
    }
    this.#clusters.clear();
  }

  #kept(name: string): Promise<Kept> {
    let kept = this.#clusters.get(name);
    if (kept === undefined) {
      kept = this.#open(name);
      this.#clusters.set(name, kept);
      kept.catch(() => this.#clusters.delete(name));
    }
    this.#timer ??= setInterval(() => void this.#saveChanged(), SAVE_MS).unref();
    return kept;
  }

  #file(name: string, extension: string): string {
    return path.join(this.#options.directory, `${name}.${extension}`);
  }

  async #open(name: string): Promise<Kept> {
    // 4 MB of schemas: only for those who simulate.
    const { SimulatedCluster: Simulated } = await import('@plumbline/simulated-cluster');
    await mkdir(this.#options.directory, { recursive: true });
    // Wherever the version is shown, the cluster is to be known for what it is.
    const cluster = new Simulated({
      name,
      simulateStatus: true,
      recordedRequests: 0,
      kubernetesVersion: 'v1.35.4+simulated',
    });
    const file = this.#file(name, 'json');
    const saved = await readFile(file, 'utf8').catch(() => undefined);
    if (saved !== undefined) cluster.restore(JSON.parse(saved) as SimulatedClusterState);
    const kept: Kept = {
      cluster,
      file,
      savedVersion: saved === undefined ? '' : cluster.resourceVersion,
      saving: Promise.resolve(),
    };
    // The identity of a cluster is pinned by its first connection: it must not get another one by a crash.
    await this.#save(kept);
    if (this.#options.doors) await this.#openDoor(name, cluster);
    return kept;
  }

  async #openDoor(name: string, cluster: SimulatedCluster): Promise<void> {
    const { url } = await cluster.listen();
    const kubeconfig = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': name,
      clusters: [{ name, cluster: { server: url } }],
      users: [{ name: 'anyone', user: {} }],
      contexts: [{ name, context: { cluster: name, user: 'anyone' } }],
    };
    await writeAtomically(this.#file(name, 'kubeconfig'), `${JSON.stringify(kubeconfig, undefined, 2)}\n`);
  }

  async #saveChanged(): Promise<void> {
    for (const opening of this.#clusters.values()) {
      const kept = await opening.catch(() => undefined);
      if (kept !== undefined) await this.#save(kept);
    }
  }

  #save(kept: Kept): Promise<void> {
    kept.saving = kept.saving.then(async () => {
      const version = kept.cluster.resourceVersion;
      if (version === kept.savedVersion) return;
      try {
        await writeAtomically(kept.file, JSON.stringify(kept.cluster.snapshot()));
        kept.savedVersion = version;
      } catch (error) {
        this.#logger.warn('the state of a simulated cluster could not be saved', {
          file: kept.file,
          message: messageOf(error),
        });
      }
    });
    return kept.saving;
  }
}

async function writeAtomically(file: string, content: string): Promise<void> {
  await writeFile(`${file}.new`, content, { mode: 0o600 });
  await rename(`${file}.new`, file);
}
