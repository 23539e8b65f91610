// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A process that serves simulated clusters. */
export interface SimulatedClusters {
  /** Path of the kubeconfig of a cluster. */
  kubeconfigOf(name: string): string;
  /** Ends the process; its state stays in the directory. */
  stop(): Promise<void>;
}

/**
 * Starts `plumbline-simulated-cluster` with these clusters; resolves when they answer. The process ends with the
 * demo, however that ends.
 */
export async function startSimulatedClusters(directory: string, names: readonly string[]): Promise<SimulatedClusters> {
  const main = fileURLToPath(import.meta.resolve('@plumbline/simulated-cluster/main'));
  const child = spawn(
    process.execPath,
    [
      '--enable-source-maps',
      main,
      '--exit-with-stdin',
      '--dir',
      directory,
      ...names.flatMap((name) => ['--cluster', name]),
    ],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  let output = '';
  const ready = new Promise<void>((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      output += chunk.toString('utf8');
      if (output.endsWith('ready\n')) resolve();
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    void ended.then(() => reject(new Error(`the simulated clusters did not start: ${output.trim()}`)));
  });
  await ready;
  return {
    kubeconfigOf: (name) => join(directory, `${name}.kubeconfig`),
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
