// SPDX-License-Identifier: Apache-2.0
import { canonicalJson, Digest, InvariantError } from '@plumbline/core';
import type { StoredContent } from '@plumbline/object-store';
import { z } from 'zod';

/** An object that a target owns, or may own, on its cluster. */
export interface InventoryEntry {
  /** `group/Kind/namespace/name`, effective. */
  readonly key: string;
  /** As last applied or intended. */
  readonly apiVersion: string;
  /** UID at the last apply; absent while the object is only intended. */
  readonly uid?: string;
  /** Digest of the rendered object as last applied. */
  readonly desiredDigest?: Digest;
  /** Digest of the fields that our Apply entry owned after the last apply. */
  readonly ownedDigest?: string;
  /** Fields that the last apply left out, because the API server did not know them. */
  readonly dropped?: readonly string[];
  /** True after the API server accepted the deletion and finalizers delay it. */
  readonly deleting?: boolean;
}

/** Entries by key. */
export type Inventory = ReadonlyMap<string, InventoryEntry>;

const inventoryBlob = z.object({
  entries: z.array(
    z.object({
      key: z.string(),
      apiVersion: z.string(),
      uid: z.string().optional(),
      desiredDigest: z.string().optional(),
      ownedDigest: z.string().optional(),
      dropped: z.array(z.string()).optional(),
      deleting: z.boolean().optional(),
    }),
  ),
});

/** Returns an inventory as content of the object store. */
export function encodeInventory(inventory: Inventory): StoredContent {
  const entries = [...inventory.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  const content = canonicalJson({ entries });
  return { digest: Digest.of(content), content };
}

/** @throws InvariantError PLB-9160 if the content is not an inventory. */
export function decodeInventory(content: string): Inventory {
  const parsed = inventoryBlob.safeParse(JSON.parse(content));
  if (!parsed.success) throw new InvariantError('PLB-9160', 'a stored inventory has an unknown form');
  return new Map(
    parsed.data.entries.map((raw) => {
      const { uid, desiredDigest, ownedDigest, dropped, deleting } = raw;
      return [
        raw.key,
        {
          key: raw.key,
          apiVersion: raw.apiVersion,
          ...(uid === undefined ? {} : { uid }),
          ...(desiredDigest === undefined ? {} : { desiredDigest: Digest.parse(desiredDigest) }),
          ...(ownedDigest === undefined ? {} : { ownedDigest }),
          ...(dropped === undefined ? {} : { dropped }),
          ...(deleting === undefined ? {} : { deleting }),
        },
      ];
    }),
  );
}

/**
 * Returns the union of an inventory and the writes of a run: the objects that may exist once the first write is sent.
 */
export function intendedInventory(
  before: Inventory,
  wanted: Iterable<{ readonly key: string; readonly apiVersion: string }>,
): Inventory {
  const union = new Map(before);
  for (const { key, apiVersion } of wanted) if (!union.has(key)) union.set(key, { key, apiVersion });
  return union;
}
