// SPDX-License-Identifier: Apache-2.0
import { CommanderError } from 'commander';
import { exitCodeOf, explain } from '../../exit-code.js';
import { buildProgram } from '../../program.js';

/** What a run of `plumb` left. */
export interface PlumbRun {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `plumb` in this process, without a terminal and without settings from the environment. */
export async function runPlumb(...args: readonly string[]): Promise<PlumbRun> {
  let out = '';
  let err = '';
  const program = buildProgram({
    terminal: {
      out: (text) => void (out += text),
      err: (text) => void (err += text),
      colours: false,
      interactive: false,
      width: 80,
    },
    environment: {},
    nowMs: () => Date.now(),
    signal: new AbortController().signal,
    onExit: () => undefined,
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return { code: 0, out, err };
  } catch (error) {
    return { code: exitCodeOf(error), out, err: err + (error instanceof CommanderError ? '' : explain(error)) };
  }
}
