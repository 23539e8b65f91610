// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';

const PREFIX = 'plumb_';

/** A new token: 256 random bits, with a prefix that secret scanners can know. */
export function newToken(): string {
  return PREFIX + randomBytes(32).toString('base64url');
}

/** True for a text that has the form of a token. */
export function isToken(text: string): boolean {
  return /^plumb_[A-Za-z0-9_-]{43}$/.test(text);
}
