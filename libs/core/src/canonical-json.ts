// SPDX-License-Identifier: Apache-2.0
import canonicalize from 'canonicalize';
import { InputError } from './errors.js';

/** Any value that JSON can carry. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };

/**
 * The RFC 8785 (JCS) text of a value: one text per value, the form that is hashed and stored.
 * @throws InputError PLB-1004 for what JSON cannot carry (NaN, lone surrogates, BigInt, undefined at the top).
 */
export function canonicalJson(value: unknown): string {
  let text: string | undefined;
  try {
    text = canonicalize(value);
  } catch (error) {
    throw new InputError('PLB-1004', 'the value has no canonical JSON form', { cause: error });
  }
  if (text === undefined) throw new InputError('PLB-1004', 'the value has no canonical JSON form');
  return text;
}
