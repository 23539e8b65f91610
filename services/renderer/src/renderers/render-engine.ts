// SPDX-License-Identifier: Apache-2.0
import { canonicalJson, Digest, InputError } from '@plumbline/core';
import type { ApplicationSpec, EnvironmentSpec } from '@plumbline/events';
import { digestEntries, type GitTree } from '@plumbline/git';
import {
  buildObject,
  buildObjectSet,
  buildSources,
  type ParsedManifest,
  refuseDuplicates,
  type SealKey,
} from '@plumbline/manifest';
import type { ObjectStore } from '@plumbline/object-store';
import { isTransient } from '../domain/failure.js';
import type { VersionSettings } from '../domain/state.js';
import { treePath } from './paths.js';
import type { Renderer, RenderInputs } from './renderer.port.js';

/** A rendered set in the object store. */
export interface Rendered {
  readonly renderDigest: Digest;
  readonly sourcesDigest: Digest;
  readonly objectCount: number;
}

/** What is to be rendered, before it is. */
export interface PreparedRender {
  readonly inputDigest: Digest;
  /** Plug-in and version: `kustomize/v5.7.1`. */
  readonly renderer: string;
  render(): Promise<Rendered>;
}

/** What a {@link RenderEngine} works with. */
export interface RenderEngineOptions {
  readonly renderers: readonly Renderer[];
  readonly store: ObjectStore;
  readonly sealKey: SealKey;
  /** Called after each run of a renderer, with its name. */
  readonly onRendered: (renderer: string, result: 'succeeded' | 'failed', durationMs: number) => void;
}

const RESULTS_KEPT = 10_000;
const MAX_OBJECTS = 20_000;

/** Chooses plug-ins, computes input digests, and renders each distinct input once. */
export class RenderEngine {
  readonly #options: RenderEngineOptions;
  readonly #stopping = new AbortController();
  readonly #results = new Map<Digest, Promise<Rendered>>();
  #renders = 0;

  constructor(options: RenderEngineOptions) {
    this.#options = options;
  }

  /** Ends the renders that run. */
  stop(): void {
    this.#stopping.abort();
  }

  /** Renders so far: what was answered from before is not counted. */
  get renders(): number {
    return this.#renders;
  }

  /** Finds plug-in and inputs of an environment. @throws as `Renderer.inputs`. */
  async prepare(
    tree: GitTree,
    spec: ApplicationSpec,
    options: { readonly environment: EnvironmentSpec; readonly settings: VersionSettings },
  ): Promise<PreparedRender> {
    const { environment, settings } = options;
    const path = treePath(environment.path ?? spec.path);
    const renderer = this.#choose(spec.renderer, tree, path);
    const [inputs, version] = await Promise.all([renderer.inputs(tree, path), renderer.version()]);
    const { namespace, createNamespace } = settings;
    const inputDigest = Digest.of(
      canonicalJson({
        renderer: renderer.name,
        version,
        path,
        inputs: digestEntries(inputs.entries),
        namespace: namespace ?? null,
        createNamespace,
      }),
    );
    return {
      inputDigest,
      renderer: `${renderer.name}/${version}`,
      render: () => this.#once(inputDigest, () => this.#render({ renderer, tree, path, inputs, namespace })),
    };
  }

  #choose(wanted: ApplicationSpec['renderer'], tree: GitTree, path: string): Renderer {
    const renderer = this.#options.renderers.find((candidate) =>
      wanted === 'auto' ? candidate.detects(tree, path) : candidate.name === wanted,
    );
    if (renderer === undefined) throw new InputError('PLB-1429', `there is no renderer "${wanted}"`);
    return renderer;
  }

  #once(inputDigest: Digest, render: () => Promise<Rendered>): Promise<Rendered> {
    const known = this.#results.get(inputDigest);
    if (known !== undefined) return known;
    const result = render();
    this.#results.set(inputDigest, result);
    // A mistake in the manifests stays one; what may pass by itself is tried again.
    result.catch((error: unknown) => {
      if (isTransient(error)) this.#results.delete(inputDigest);
    });
    for (const oldest of this.#results.keys()) {
      if (this.#results.size <= RESULTS_KEPT) break;
      this.#results.delete(oldest);
    }
    return result;
  }

  async #render(job: {
    readonly renderer: Renderer;
    readonly tree: GitTree;
    readonly path: string;
    readonly inputs: RenderInputs;
    readonly namespace: string | undefined;
  }): Promise<Rendered> {
    this.#renders += 1;
    const startMs = performance.now();
    let result: 'succeeded' | 'failed' = 'failed';
    let manifests: readonly ParsedManifest[];
    try {
      manifests = await job.renderer.render({ ...job, signal: this.#stopping.signal });
      result = 'succeeded';
    } finally {
      this.#options.onRendered(job.renderer.name, result, performance.now() - startMs);
    }
    if (manifests.length > MAX_OBJECTS)
      throw new InputError('PLB-1422', `more than ${MAX_OBJECTS} objects in one environment`);
    refuseDuplicates(manifests, job.namespace === undefined ? {} : { defaultNamespace: job.namespace });
    return this.#storeSet(manifests);
  }

  async #storeSet(manifests: readonly ParsedManifest[]): Promise<Rendered> {
    const sources = new Map<string, string>();
    const objects = manifests.map((manifest) => {
      const built = buildObject(manifest.object, this.#options.sealKey);
      sources.set(built.key, `${manifest.file}#${manifest.document}`);
      return built;
    });
    const [set, sourcesBlob] = [buildObjectSet(objects), buildSources(sources)];
    await this.#options.store.put([...objects.map(({ digest, content }) => ({ digest, content })), set, sourcesBlob]);
    return { renderDigest: set.digest, sourcesDigest: sourcesBlob.digest, objectCount: objects.length };
  }
}
