// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import { findKustomize, type KustomizeBinary } from './kustomize/binary.js';
import { KustomizeRenderer } from './kustomize/kustomize.renderer.js';
import { Sandbox, type SandboxLimits } from './kustomize/sandbox.js';
import { PlainRenderer } from './plain/plain.renderer.js';
import type { Renderer } from './renderer.port.js';

/** What the plug-ins may use of the machine. */
export interface RendererSurroundings {
  readonly cacheDir: string;
  readonly workRoot: string;
  readonly kustomize: string | undefined;
  readonly searchPath: string;
  readonly limits: SandboxLimits;
}

/** Every plug-in; `auto` takes the first that detects its kind of directory. */
export function createRenderers(surroundings: RendererSurroundings): readonly Renderer[] {
  const { cacheDir, workRoot, kustomize, searchPath, limits } = surroundings;
  let binary: Promise<KustomizeBinary> | undefined;
  const find = (): Promise<KustomizeBinary> => {
    binary ??= findKustomize({ configured: kustomize, cacheDir: path.join(cacheDir, 'tools'), searchPath });
    // Found once for the life of the process; a failure is looked at again.
    binary.catch(() => (binary = undefined));
    return binary;
  };
  return [
    new KustomizeRenderer({ binary: find, sandbox: new Sandbox(limits, searchPath), workRoot }),
    new PlainRenderer(),
  ];
}
