// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { EMPTY_ROOT, Frontier, leafHash, nodeHash } from './index.js';

/** Entries and roots of the RFC 6962 reference implementation's test log. */
const entries = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map((hex) => Buffer.from(hex, 'hex'));
const roots = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

/** RFC 6962, 2.1, word for word: the definition to compare with. */
function definedRoot(leaves: readonly Buffer[]): Buffer {
  const [only] = leaves;
  if (only === undefined) return EMPTY_ROOT;
  if (leaves.length === 1) return only;
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return nodeHash(definedRoot(leaves.slice(0, k)), definedRoot(leaves.slice(k)));
}

describe('the Merkle tree', () => {
  it('has the roots of the reference log at every size', () => {
    let frontier = Frontier.empty;
    expect(frontier.root().toString('hex')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    for (const [index, entry] of entries.entries()) {
      frontier = frontier.append([leafHash(entry)]);
      expect(frontier.root().toString('hex')).toBe(roots[index]);
    }
  });

  it('has the root that RFC 6962 defines at every size up to 130, however the leaves were batched', () => {
    const leaves = Array.from({ length: 130 }, (_, index) => leafHash(`entry ${index}`));
    for (let size = 0; size <= leaves.length; size += 1) {
      const cut = Math.floor(size / 3);
      const frontier = Frontier.empty.append(leaves.slice(0, cut)).append(leaves.slice(cut, size));
      expect(frontier.root().equals(definedRoot(leaves.slice(0, size)))).toBe(true);
    }
  });

  it('goes on from its stored form', () => {
    const leaves = Array.from({ length: 23 }, (_, index) => leafHash(`entry ${index}`));
    const stored = Frontier.empty.append(leaves.slice(0, 13)).encode();
    const resumed = Frontier.decode(13, stored).append(leaves.slice(13));
    expect(resumed.root().equals(definedRoot(leaves))).toBe(true);
    expect(resumed.size).toBe(23);
  });

  it('refuses bytes that cannot be the frontier of a tree of that size', () => {
    expect(() => Frontier.decode(3, Buffer.alloc(32))).toThrow(expect.objectContaining({ code: 'PLB-9112' }));
  });

  it('does not change when leaves are added to it', () => {
    const before = Frontier.empty.append([leafHash('a')]);
    const root = before.root();
    before.append([leafHash('b')]);
    expect(before.root().equals(root)).toBe(true);
  });

  it('separates leaves from nodes', () => {
    const [a, b] = [leafHash('a'), leafHash('b')];
    expect(nodeHash(a, b).equals(leafHash(Buffer.concat([a, b])))).toBe(false);
  });
});
