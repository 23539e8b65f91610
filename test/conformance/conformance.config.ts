// SPDX-License-Identifier: Apache-2.0
import { fileURLToPath } from 'node:url';

/** Folder of the Go module. */
export const MODULE = fileURLToPath(new URL('.', import.meta.url));

/**
 * The environment for `go`: proxy, checksum and cache settings of the machine stay, what would change the program
 * does not.
 */
export function goEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, GOFLAGS: '', GOWORK: 'off', CGO_ENABLED: '0' };
}
