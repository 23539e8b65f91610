// SPDX-License-Identifier: Apache-2.0
import { createInterface } from 'node:readline/promises';
import { CommanderError } from 'commander';
import { ExitCode, exitCodeOf, explain } from './exit-code.js';
import type { Terminal } from './output/terminal.js';
import { processEnvironment } from './profile.config.js';
import { buildProgram, withVersionOption } from './program.js';

export { buildProgram } from './program.js';
export type { ProgramEnvironment } from './program.js';
export { ExitCode, exitCodeOf, explain } from './exit-code.js';

/** Runs `plumb` on this process's terminal and returns its exit status; never throws. */
export async function main(args: readonly string[]): Promise<number> {
  const terminal = processTerminal();
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort());
  let exitCode: number = ExitCode.done;
  const program = buildProgram({
    terminal,
    environment: processEnvironment,
    nowMs: () => Date.now(),
    signal: interrupt.signal,
    ...(process.stdin.isTTY ? { ask } : {}),
    onExit: (code) => {
      exitCode = code;
    },
  });
  try {
    await program.parseAsync([...withVersionOption(args)], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) terminal.err(`plumb: ${explain(error)}\n`);
    return exitCodeOf(error);
  }
}

/** The answer, or '' when the input ends without one. Asked on standard error: standard output is for results. */
async function ask(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await Promise.race([
      lines.question(question),
      new Promise<string>((resolve) => void lines.once('close', () => resolve(''))),
    ]);
  } finally {
    lines.close();
  }
}

function processTerminal(): Terminal {
  const noColour = (processEnvironment['NO_COLOR'] ?? '') !== '' || processEnvironment['TERM'] === 'dumb';
  // A reader that has seen enough (head, less) closes the pipe: that ends the output, it is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(ExitCode.done);
  });
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    colours: process.stdout.isTTY && !noColour,
    interactive: process.stderr.isTTY && !noColour,
    width: process.stderr.columns ?? 80,
  };
}
