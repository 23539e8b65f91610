// SPDX-License-Identifier: Apache-2.0
// The worker process that runs Git for a larger process; see git-worker.ts. It ends with its parent.
import { messageOf } from '@plumbline/core';
import type { GitResult, GitJob, GitMessage } from './git-worker.js';
import { GitCommand, GitExit, GitStopped } from './git-command.js';

const running = new Map<number, AbortController>();

async function resultOf(
  { id, kind, directory, gitProcess, args, options }: GitJob,
  signal: AbortSignal,
): Promise<GitResult> {
  const git = new GitCommand(directory, gitProcess);
  try {
    const result =
      kind === 'text' ? await git.text(args, { ...options, signal }) : await git.catFile(args, { ...options, signal });
    return { id, type: 'done', result };
  } catch (error) {
    if (error instanceof GitExit) return { id, type: 'exit', exitCode: error.exitCode, message: error.message };
    if (error instanceof GitStopped) return { id, type: 'stopped', reason: error.reason };
    return { id, type: 'failed', message: messageOf(error) };
  }
}

process.on('message', (message: GitMessage) => {
  if (message.type === 'cancel') {
    running.get(message.id)?.abort();
    return;
  }
  const stop = new AbortController();
  running.set(message.id, stop);
  void resultOf(message, stop.signal).then((result) => {
    running.delete(message.id);
    if (process.connected) process.send?.(result);
  });
});

process.on('disconnect', () => {
  for (const stop of running.values()) stop.abort();
  process.exit(0);
});

// A terminal sends Ctrl-C to all processes: the parent may need Git to finish its work, and this process ends with
// the parent.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
