// SPDX-License-Identifier: Apache-2.0
import { InputError } from '@plumbline/core';

/** An opaque cursor: where a page ended. */
export function encodeCursor(value: string): string {
  return Buffer.from(`1:${value}`).toString('base64url');
}

/** @throws InputError PLB-1158 for a text that is no cursor of ours */
export function decodeCursor(cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  if (!text.startsWith('1:'))
    throw new InputError('PLB-1158', 'the cursor is not one that this server gave out: begin without a cursor');
  return text.slice(2);
}
