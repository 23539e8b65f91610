// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { decodeBatch, encodeBatch, encodeInPieces } from './codec.js';
import { batchOf } from './testing/batches.js';

describe('batches on the wire', () => {
  it('come back as they were', () => {
    expect(decodeBatch(encodeBatch(batchOf(7, 9, 'ünïcode'.repeat(3))))).toEqual(batchOf(7, 9, 'ünïcode'.repeat(3)));
  });

  it('are read from a view into a larger buffer', () => {
    const bytes = encodeBatch(batchOf(0, 0));
    const larger = new Uint8Array(bytes.length + 20);
    larger.set(bytes, 10);
    expect(decodeBatch(larger.subarray(10, 10 + bytes.length))).toEqual(batchOf(0, 0));
  });

  it('are cut into pieces that fit, join on and cover the batch', () => {
    const batch = batchOf(100, 199, 'r'.repeat(60));
    const pieces = encodeInPieces(batch, 4_000);
    expect(pieces.length).toBeGreaterThan(5);
    for (const piece of pieces) expect(piece.bytes.length).toBeLessThanOrEqual(4_000);
    expect(pieces.flatMap((piece) => decodeBatch(piece.bytes).events)).toEqual(batch.events);
    for (const piece of pieces) {
      const { firstPosition, lastPosition } = decodeBatch(piece.bytes);
      expect([piece.firstPosition, piece.lastPosition]).toEqual([firstPosition, lastPosition]);
    }
  });

  it('are cut at the same places every time', () => {
    const ends = () => encodeInPieces(batchOf(0, 50), 2_000).map((piece) => piece.lastPosition);
    expect(ends()).toEqual(ends());
  });

  it.each([
    ['no JSON', 'x'],
    ['no batch', '{}'],
    ['no events', '{"shard":0,"events":[]}'],
    ['no event', '{"shard":0,"events":[{}]}'],
  ])('are refused when they are %s', (_what, text) => {
    expect(() => decodeBatch(Buffer.from(text))).toThrow(expect.objectContaining({ code: 'PLB-9110' }));
  });
});
