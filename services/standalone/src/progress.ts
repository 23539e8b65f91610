// SPDX-License-Identifier: Apache-2.0

/** Prints a step of the start for the person at the terminal. */
export function progress(step: string): void {
  process.stdout.write(`${step}\n`);
}
