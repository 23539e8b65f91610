// SPDX-License-Identifier: Apache-2.0
import type { ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';

const processes = new Set<ChildProcess>();
const directories = new Set<string>();
let installed = false;

function cleanUp(): void {
  for (const child of processes) child.kill('SIGKILL');
  processes.clear();
  for (const dir of directories) {
    try {
      rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    } catch {
      // The system's own cleaning of its temporary directory takes what a dying server still held.
    }
  }
  directories.clear();
}

function install(): void {
  if (installed) return;
  installed = true;
  process.once('exit', cleanUp);
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.once(signal, () => {
      cleanUp();
      process.kill(process.pid, signal);
    });
  }
}

/** A test run that ends or is interrupted leaves no server behind. Returns how to withdraw it. */
export function guardProcess(child: ChildProcess): () => void {
  install();
  processes.add(child);
  return () => processes.delete(child);
}

/** The same for a directory. */
export function guardDirectory(dir: string): () => void {
  install();
  directories.add(dir);
  return () => directories.delete(dir);
}
