// SPDX-License-Identifier: Apache-2.0
import type { GitTree, TreeEntry } from '@plumbline/git';
import type { ParsedManifest } from '@plumbline/manifest';

/** What a render reads, and nothing else. */
export interface RenderInputs {
  /** Every file and link that the render reads. Equal paths and hashes MUST give equal objects. */
  readonly entries: readonly TreeEntry[];
}

/** Where to render and within which bounds. */
export interface RenderJob {
  readonly tree: GitTree;
  /** Directory (or, for `plain`, file) in the tree, without leading or trailing slash; empty for the root. */
  readonly path: string;
  readonly inputs: RenderInputs;
  readonly signal?: AbortSignal;
}

/**
 * A rendering plug-in. It reads through the tree only, gets no network, no environment and no cluster, and MUST be
 * deterministic:
 * the inputs and the version decide the objects.
 */
export interface Renderer {
  /** As `spec.renderer` names it. */
  readonly name: string;
  /** True when `auto` should take this plug-in for the path. */
  detects(tree: GitTree, path: string): boolean;
  /** Part of the input digest: another version renders anew. */
  version(): Promise<string>;
  /**
   * Finds what a render would read, from names and small files only.
   * @throws InputError PLB-14xx, PLB-13xx for what makes a render impossible: no such path, a link out of the
   * repository, a remote base.
   */
  inputs(tree: GitTree, path: string): Promise<RenderInputs>;
  /**
   * Renders. The objects come as written: not scrubbed, duplicates not yet refused.
   * @throws InputError PLB-14xx for mistakes in the manifests, never with a value of a Secret; UpstreamError PLB-64xx
   * for failures that are not the user's.
   */
  render(job: RenderJob): Promise<readonly ParsedManifest[]>;
}
