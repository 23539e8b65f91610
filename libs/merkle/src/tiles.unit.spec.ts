// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bundlePath,
  decodeBundle,
  encodeBundle,
  hashesAtLevel,
  parseTilePath,
  tileHashes,
  tilePath,
  tilesOf,
  tileWidth,
} from './index.js';

describe('paths of tiles', () => {
  it('are those of C2SP tlog-tiles', () => {
    expect(tilePath({ level: 0, index: 0, width: 256 })).toBe('tile/0/000');
    expect(tilePath({ level: 1, index: 1_234_067, width: 256 })).toBe('tile/1/x001/x234/067');
    expect(tilePath({ level: 0, index: 273, width: 112 })).toBe('tile/0/273.p/112');
    expect(bundlePath({ index: 1_000, width: 256 })).toBe('tile/entries/x001/000');
  });

  it('are read back', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 5 }),
        fc.integer({ min: 0, max: 1e12 }),
        fc.integer({ min: 1, max: 256 }),
        (level, index, width) => {
          expect(parseTilePath(tilePath({ level, index, width }))).toEqual({ type: 'tile', level, index, width });
          expect(parseTilePath(bundlePath({ index, width }))).toEqual({ type: 'entries', index, width });
        },
      ),
    );
  });

  it.each([
    'tile/0/0',
    'tile/0/0000',
    'tile/0/x000/001',
    'tile/00/000',
    'tile/6/000',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/000.p/012',
    'tile/0/000/',
    '/tile/0/000',
    'tile/-1/000',
    'tile/0/../000',
    'tile/entries',
    'tile/0/x001/x234',
    'checkpoint',
    'tile/0/x999/x999/x999/x999/x999/999',
    '',
  ])('%j is none', (path) => {
    expect(parseTilePath(path)).toBeUndefined();
  });
});

describe('tiles of a tree', () => {
  it('hold every hash of every level once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 300_000 }), (size) => {
        const perLevel = new Map<number, number>();
        for (const { level, index, width } of tilesOf(size)) {
          expect(width).toBe(tileWidth(level, index, size));
          perLevel.set(level, (perLevel.get(level) ?? 0) + width);
        }
        for (const [level, hashes] of perLevel) expect(hashes).toBe(hashesAtLevel(level, size));
        expect(perLevel.size).toBe(size < 1 ? 0 : size < 256 ? 1 : size < 65_536 ? 2 : 3);
      }),
      { numRuns: 30 },
    );
  });

  it('have as many bytes as they say', () => {
    expect(tileHashes({ level: 0, index: 0, width: 2 }, Buffer.alloc(64))).toHaveLength(2);
    expect(() => tileHashes({ level: 0, index: 0, width: 2 }, Buffer.alloc(65))).toThrow(
      expect.objectContaining({ code: 'PLB-1161' }),
    );
  });
});

describe('bundles of entries', () => {
  it('give back what was put in', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 600 }), { minLength: 1, maxLength: 256 }), (entries) => {
        const width = entries.length;
        expect(decodeBundle({ index: 0, width }, encodeBundle(entries)).map((entry) => [...entry])).toEqual(
          entries.map((entry) => [...entry]),
        );
      }),
      { numRuns: 50 },
    );
  });

  it('take the longest entry there can be, and no longer one', () => {
    expect(decodeBundle({ index: 0, width: 1 }, encodeBundle([Buffer.alloc(65_535, 1)]))[0]).toHaveLength(65_535);
    expect(() => encodeBundle([Buffer.alloc(65_536)])).toThrow(expect.objectContaining({ code: 'PLB-1161' }));
  });

  it('are refused when cut off, too long, or of another width', () => {
    const bytes = encodeBundle(['one', 'two']);
    for (const [width, given] of [
      [2, bytes.subarray(0, -1)],
      [2, Buffer.concat([bytes, Buffer.of(0)])],
      [1, bytes],
      [3, bytes],
    ] as const) {
      expect(() => decodeBundle({ index: 0, width }, given)).toThrow(expect.objectContaining({ code: 'PLB-1161' }));
    }
  });

  it('count bytes, not characters', () => {
    expect(encodeBundle(['é']).toString('hex')).toBe('0002c3a9');
  });
});
