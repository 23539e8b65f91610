// SPDX-License-Identifier: Apache-2.0
import { mkdir } from 'node:fs/promises';
import { messageOf, systemClock } from '@plumbline/core';
import { loadCredentials } from './credentials.js';
import { HELP, processOptions } from './options.js';
import { ServedCluster } from './served-cluster.js';

/**
 * Serves the clusters that the command line names until SIGTERM, SIGINT or, with `--exit-with-stdin`, the end of
 * standard input. Prints one line
 * per cluster with its kubeconfig, then `ready`. Resolves with the exit status: 0 after an orderly end, 1 when it
 * cannot start.
 */
export async function run(args: readonly string[]): Promise<number> {
  const served: ServedCluster[] = [];
  let withStdin = false;
  try {
    const options = processOptions(args);
    if (options === undefined) {
      process.stdout.write(HELP);
      return 0;
    }
    // First of all, so that a signal during the start leads to an orderly end too.
    withStdin = options.exitWithStdin;
    const ended = endOfProcess(withStdin);
    const { directory } = options;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const credentials = await loadCredentials(directory, systemClock.nowMs());
    for (const { name, port } of options.clusters) {
      const cluster = await ServedCluster.open({ name, directory, port, credentials, onSaveError: warn });
      served.push(cluster);
      process.stdout.write(
        `simulated cluster "${name}" listens on ${cluster.url}; kubeconfig: ${cluster.kubeconfigPath}\n`,
      );
    }
    process.stdout.write('ready\n');
    await ended;
    return 0;
  } catch (error) {
    process.stderr.write(`plumbline-simulated-cluster: ${messageOf(error)}\n`);
    return 1;
  } finally {
    await Promise.all(served.map(async (cluster) => cluster.close()));
    if (withStdin) process.stdin.destroy();
  }
}

function warn(message: string): void {
  process.stderr.write(`${message}\n`);
}

function endOfProcess(withStdin: boolean): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
    if (withStdin) process.stdin.once('close', () => resolve()).resume();
  });
}
