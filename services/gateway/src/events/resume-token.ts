// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { canonicalJson } from '@plumbline/core';
import type { EventFilter } from '@plumbline/events';

const VERSION = 1;
const SHARD = 0;
const BYTES = 27;
/** Of a leaf and of a hash of a filter. */
export const PREFIX_BYTES = 8;

/** Where a reader of the log stands: the last position it has seen, what it saw there, and what it looked for. */
export interface ResumePoint {
  /** -1 before the first event. */
  readonly position: number;
  /** First bytes of the leaf at the position, in hex; zeros before the first event. */
  readonly leaf: string;
  /** See {@link filterHash}. */
  readonly filter: string;
}

/** Leaf of the position before the first event. */
export const NO_LEAF = '0'.repeat(PREFIX_BYTES * 2);

/** A point as readers keep it: base64url of version, shard, position + 1, leaf, filter. */
export function encodeToken({ position, leaf, filter }: ResumePoint): string {
  const bytes = Buffer.alloc(BYTES);
  bytes.writeUInt8(VERSION, 0);
  bytes.writeUInt16BE(SHARD, 1);
  bytes.writeBigUInt64BE(BigInt(position + 1), 3);
  bytes.write(leaf, 11, 'hex');
  bytes.write(filter, 19, 'hex');
  return bytes.toString('base64url');
}

/** Undefined for a text that is no token of this version. */
export function decodeToken(token: string): ResumePoint | undefined {
  const bytes = Buffer.from(token, 'base64url');
  if (
    bytes.length !== BYTES ||
    bytes.toString('base64url') !== token ||
    bytes.readUInt8(0) !== VERSION ||
    bytes.readUInt16BE(1) !== SHARD
  )
    return undefined;
  const next = bytes.readBigUInt64BE(3);
  if (next > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
  return { position: Number(next) - 1, leaf: bytes.toString('hex', 11, 19), filter: bytes.toString('hex', 19, 27) };
}

/** The same for the same filter, however it is written. */
export function filterHash(filter: EventFilter): string {
  const { types, ...rest } = filter;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  const text = canonicalJson({ ...given, ...(types === undefined ? {} : { types: [...new Set(types)].sort() }) });
  return createHash('sha256')
    .update(text)
    .digest('hex')
    .slice(0, PREFIX_BYTES * 2);
}
