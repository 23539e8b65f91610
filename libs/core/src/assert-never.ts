// SPDX-License-Identifier: Apache-2.0
import { InvariantError } from './errors.js';

/**
 * Ends an exhaustive switch: the compiler refuses it while a case is missing, and it throws `InvariantError` if data
 * lied.
 */
export function assertNever(value: never, what: string): never {
  throw new InvariantError('PLB-9001', `unexpected ${what}: ${JSON.stringify(value)}`);
}
