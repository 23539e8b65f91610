// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Frontier, InclusionChecker, leafHash, LeafTree, verifyInclusion } from './index.js';

const leavesOf = (count: number): Buffer[] => Array.from({ length: count }, (_, index) => leafHash(`event ${index}`));

it('has the root and the inclusion paths of RFC 6962 at every size', () => {
  for (let size = 1; size <= 70; size += 1) {
    const leaves = leavesOf(size);
    const tree = new LeafTree(leaves);
    const root = tree.root();
    expect(root).toEqual(Frontier.empty.append(leaves).root());
    const checker = new InclusionChecker(size, root);
    for (const [position, leaf] of leaves.entries()) {
      const proof = tree.path(position);
      expect(verifyInclusion({ position, size, leaf, root, proof })).toBe(true);
      expect(checker.includes(position, leaf, proof)).toBe(true);
    }
  }
});

it('accepts no other leaf, index or path, whatever was checked before', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.array(fc.tuple(fc.nat(39), fc.constantFrom('leaf', 'index', 'path', 'shorter', 'none')), { maxLength: 40 }),
      (size, steps) => {
        const leaves = leavesOf(size);
        const tree = new LeafTree(leaves);
        const checker = new InclusionChecker(size, tree.root());
        for (const [at, change] of steps) {
          const index = at % size;
          const leaf = leaves[index] ?? Buffer.alloc(32);
          const path = tree.path(index);
          const other = leafHash('other');
          if (change === 'none') expect(checker.includes(index, leaf, path)).toBe(true);
          else if (change === 'leaf') expect(checker.includes(index, other, path)).toBe(false);
          else if (change === 'index' && size > 1)
            expect(checker.includes((index + 1) % size, leaf, tree.path((index + 1) % size))).toBe(false);
          else if (change === 'shorter' && size > 1) expect(checker.includes(index, leaf, path.slice(1))).toBe(false);
          else if (change === 'path')
            expect(
              checker.includes(
                index,
                other,
                path.map(() => other),
              ),
            ).toBe(false);
        }
      },
    ),
  );
});
