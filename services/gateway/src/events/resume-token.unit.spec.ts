// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeToken, encodeToken, filterHash, NO_LEAF } from './resume-token.js';

const prefix = fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('hex'));

describe('a resume token', () => {
  it('carries what it was made of', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1, max: 2 ** 50 }), prefix, prefix, (position, leaf, filter) => {
        expect(decodeToken(encodeToken({ position, leaf, filter }))).toEqual({ position, leaf, filter });
      }),
    );
  });

  it('is nothing else', () => {
    const token = encodeToken({ position: 5, leaf: NO_LEAF, filter: filterHash({}) });
    for (const text of ['', 'yesterday', token.slice(1), `${token}A`, `${token}=`, `B${token.slice(1)}`])
      expect(decodeToken(text)).toBeUndefined();
  });

  it('knows the same filter however it is written, and tells others apart', () => {
    expect(filterHash({ types: ['b', 'a', 'a'], cluster: 'x', actor: undefined })).toBe(
      filterHash({ cluster: 'x', types: ['a', 'b'] }),
    );
    expect(
      new Set(
        [{}, { cluster: 'x' }, { environment: 'x' }, { types: ['x'] }, { types: ['x', 'y'] }, { types: ['xy'] }].map(
          filterHash,
        ),
      ).size,
    ).toBe(6);
  });
});
