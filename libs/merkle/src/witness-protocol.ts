// SPDX-License-Identifier: Apache-2.0
import { InputError } from '@plumbline/core';
import { HASH_BYTES } from './hashes.js';

/** Body of `add-checkpoint` (C2SP tlog-witness). */
export interface AddCheckpoint {
  /** Size that the witness cosigned last, according to the log. */
  readonly oldSize: number;
  /** Consistency proof from the old size to the size of the checkpoint. */
  readonly proof: readonly Buffer[];
  /** The signed checkpoint. */
  readonly note: string;
}

/** Content type of the response with the size of the witness, when the old size is another. */
export const TLOG_SIZE_TYPE = 'text/x.tlog.size';

const MAX_PROOF = 63;

/** Returns the body of a request. */
export function formatAddCheckpoint({ oldSize, proof, note }: AddCheckpoint): string {
  return `old ${oldSize}\n${proof.map((hash) => `${hash.toString('base64')}\n`).join('')}\n${note}`;
}

/** Parses the body of a request. @throws InputError PLB-1167 */
export function parseAddCheckpoint(body: string): AddCheckpoint {
  const border = body.indexOf('\n\n');
  const [first = '', ...lines] = body.slice(0, Math.max(border, 0)).split('\n');
  const digits = /^old (0|[1-9]\d*)$/.exec(first)?.[1];
  const oldSize = Number(digits);
  const proof = lines.map((line) => Buffer.from(line, 'base64'));
  const good =
    border > 0 &&
    digits !== undefined &&
    Number.isSafeInteger(oldSize) &&
    proof.length <= MAX_PROOF &&
    proof.every((hash, index) => hash.length === HASH_BYTES && hash.toString('base64') === lines[index]);
  if (!good)
    throw new InputError(
      'PLB-1167',
      'the request is not an add-checkpoint; it needs "old SIZE", hashes, an empty line and a signed checkpoint',
    );
  return { oldSize, proof, note: body.slice(border + 2) };
}
