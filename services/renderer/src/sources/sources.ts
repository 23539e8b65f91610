// SPDX-License-Identifier: Apache-2.0
import type { RepositorySpec } from '@plumbline/events';
import {
  type CredentialPlaces,
  GitMirror,
  type GitProcessOptions,
  type GitTree,
  readCredentials,
} from '@plumbline/git';
import { BatchReader } from './batch-reader.js';

/** Where the renderer's mirrors are and what Git may use. */
export interface SourcesOptions {
  readonly mirrorRoot: string;
  readonly gitProcess: GitProcessOptions;
  readonly credentials: CredentialPlaces;
  readonly knownHostsFile: string | undefined;
}

const TREES_KEPT = 8;
/** Trees of large repositories are kept as long as their entries together are fewer. */
const ENTRIES_KEPT = 400_000;

/** The trees of revisions, each loaded once however many applications ask for it. */
export class Sources {
  readonly #options: SourcesOptions;

  readonly #mirrors = new Map<string, GitMirror>();
  readonly #trees = new Map<string, Promise<GitTree>>();
  readonly #sizes = new Map<string, number>();

  constructor(options: SourcesOptions) {
    this.#options = options;
  }

  /** The tree of a revision; fetched only when the mirror does not have it. @throws UpstreamError PLB-63xx. */
  tree(spec: RepositorySpec, revision: string): Promise<GitTree> {
    const key = `${revision} ${spec.url}`;
    const known = this.#trees.get(key);
    if (known !== undefined) {
      // Least recently used goes first.
      this.#trees.delete(key);
      this.#trees.set(key, known);
      return known;
    }
    const loading = this.#load(spec, revision);
    this.#trees.set(key, loading);
    loading.then(
      (tree) => {
        this.#sizes.set(key, tree.size);
        this.#evict();
      },
      () => this.#trees.delete(key),
    );
    return loading;
  }

  #evict(): void {
    let entries = [...this.#trees.keys()].reduce((sum, key) => sum + (this.#sizes.get(key) ?? 0), 0);
    for (const oldest of this.#trees.keys()) {
      if (this.#trees.size <= 1 || (this.#trees.size <= TREES_KEPT && entries <= ENTRIES_KEPT)) return;
      entries -= this.#sizes.get(oldest) ?? 0;
      this.#trees.delete(oldest);
      this.#sizes.delete(oldest);
    }
  }

  async #load(spec: RepositorySpec, revision: string): Promise<GitTree> {
    const mirror = this.#mirror(spec);
    const reader = new BatchReader((hashes) => mirror.blobs(hashes));
    const load = (): Promise<GitTree> => mirror.tree(revision, (hashes) => reader.get(hashes));
    // The watcher has usually fetched it: asking first would cost a process.
    return load().catch(async () => {
      await mirror.ensureCommit(revision);
      return load();
    });
  }

  #mirror(spec: RepositorySpec): GitMirror {
    const key = JSON.stringify([spec.url, spec.credentials ?? {}]);
    let mirror = this.#mirrors.get(key);
    if (mirror === undefined) {
      const { mirrorRoot, gitProcess, credentials, knownHostsFile } = this.#options;
      mirror = new GitMirror({
        root: mirrorRoot,
        url: spec.url,
        gitProcess,
        credentials: () => readCredentials(spec.credentials, credentials),
        ...(knownHostsFile === undefined ? {} : { knownHostsFile }),
      });
      this.#mirrors.set(key, mirror);
    }
    return mirror;
  }
}
