// SPDX-License-Identifier: Apache-2.0
// The small process that runs Git for a large one; see git-apart.ts. Ends with its parent.
import { messageOf } from '@plumbline/core';
import type { GitAnswer, GitJob, GitMessage } from './git-apart.js';
import { GitCommand, GitExit, GitStopped } from './git-command.js';

const running = new Map<number, AbortController>();

async function answerTo(
  { id, kind, directory, surroundings, args, options }: GitJob,
  signal: AbortSignal,
): Promise<GitAnswer> {
  const git = new GitCommand(directory, surroundings);
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
  void answerTo(message, stop.signal).then((answer) => {
    running.delete(message.id);
    if (process.connected) process.send?.(answer);
  });
});

process.on('disconnect', () => {
  for (const stop of running.values()) stop.abort();
  process.exit(0);
});

// A terminal sends Ctrl-C to all: the parent may still need Git to finish its work, and its end is ours.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
