// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { InputError } from '@plumbline/core';
import { type GitTree, materialise, type TreeEntry } from '@plumbline/git';
import { type ParsedManifest, parseManifests } from '@plumbline/manifest';
import { shownPath } from '../paths.js';
import type { Renderer, RenderInputs, RenderJob } from '../renderer.port.js';
import type { KustomizeBinary } from './binary.js';
import { KustomizationWalk, kustomizationFileIn } from './kustomization.js';
import { SecretMask } from './secret-mask.js';
import type { Sandbox } from './sandbox.js';

const COPY_PREFIX = 'kustomize-';
const LEFT_BEHIND_MS = 3_600_000;

/** What the plug-in needs. */
export interface KustomizeRendererOptions {
  readonly binary: () => Promise<KustomizeBinary>;
  readonly sandbox: Sandbox;
  /** Directory for the private copies of trees. */
  readonly workRoot: string;
}

/** The real kustomize on a private copy of exactly the files that an overlay names. */
export class KustomizeRenderer implements Renderer {
  readonly #options: KustomizeRendererOptions;

  readonly name = 'kustomize';
  #swept: Promise<void> | undefined;

  constructor(options: KustomizeRendererOptions) {
    this.#options = options;
  }

  detects(tree: GitTree, directory: string): boolean {
    const entry = tree.resolve(directory);
    return entry?.type === 'directory' && kustomizationFileIn(tree, entry.path) !== undefined;
  }

  async version(): Promise<string> {
    return (await this.#options.binary()).version;
  }

  async inputs(tree: GitTree, directory: string): Promise<RenderInputs> {
    return { entries: await new KustomizationWalk(tree).walk(directory) };
  }

  async render(job: RenderJob): Promise<readonly ParsedManifest[]> {
    const binary = await this.#options.binary();
    await this.#prepareWorkRoot();
    const work = await mkdtemp(path.join(this.#options.workRoot, COPY_PREFIX));
    try {
      const copy = path.join(work, 'tree');
      await materialise(job.tree, job.inputs.entries, copy);
      const target = path.join(copy, job.path);
      const result = await this.#options.sandbox.run({
        command: binary.command,
        args: [...binary.args, target],
        directory: work,
        ...(job.signal === undefined ? {} : { signal: job.signal }),
      });
      if (result.exitCode !== 0)
        await this.#refuse(job, result.stderr.replaceAll(`${copy}/`, '').replaceAll(copy, '.'));
      return parseManifests(result.stdout, `${shownPath(job.path)} (output of kustomize)`);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }

  /** Copies that a killed process left are removed when the first one of this process is made. */
  #prepareWorkRoot(): Promise<void> {
    this.#swept ??= sweep(this.#options.workRoot);
    return this.#swept;
  }

  async #refuse(job: RenderJob, text: string): Promise<never> {
    const mask = new SecretMask(await contentsOf(job.tree, job.inputs.entries));
    const message = mask
      .apply(text)
      .replace(/^error:\s*/i, '')
      .trim()
      .slice(0, 3_000);
    throw new InputError('PLB-1426', `kustomize refuses ${shownPath(job.path)}: ${message}`, {
      details: { file: job.path },
    });
  }
}

async function sweep(workRoot: string): Promise<void> {
  await mkdir(workRoot, { recursive: true, mode: 0o700 });
  for (const name of await readdir(workRoot)) {
    const left = path.join(workRoot, name);
    const seen = await stat(left).catch(() => undefined);
    // Another process of ours may be at work in the same place.
    if (name.startsWith(COPY_PREFIX) && seen !== undefined && Date.now() - seen.mtimeMs > LEFT_BEHIND_MS)
      await rm(left, { recursive: true, force: true });
  }
}

async function contentsOf(tree: GitTree, entries: readonly TreeEntry[]): Promise<readonly string[]> {
  const contents = await tree.readBlobs(entries.filter((entry) => entry.type === 'file').map((entry) => entry.hash));
  return entries.map((entry) => contents.get(entry.hash)?.toString('utf8') ?? '');
}
