// SPDX-License-Identifier: Apache-2.0
import type { ObjectRef } from '@plumbline/kube';

/** Input of {@link pruneGuard}. */
export interface GuardInput {
  /** Number of objects in the new set. */
  readonly wanted: number;
  /** Number of objects in the inventory before the run. */
  readonly before: number;
  readonly prune: readonly ObjectRef[];
  readonly allowEmpty: boolean;
  /** A person has confirmed this prune. */
  readonly confirmed: boolean;
}

/** Why deletions need a confirmation. */
export interface GuardVerdict {
  readonly reason: 'EmptyRender' | 'PruneNeedsConfirmation';
  readonly message: string;
}

const DATA_BEARING = new Set([
  '/Namespace',
  'apiextensions.k8s.io/CustomResourceDefinition',
  '/PersistentVolume',
  '/PersistentVolumeClaim',
]);
const MAX_UNCONFIRMED = 10;

/**
 * Requires a confirmation if the render is empty, if most objects of a target would be deleted, or if data may be
 * lost.
 */
export function pruneGuard(input: GuardInput): GuardVerdict | undefined {
  const { wanted, before, prune, allowEmpty, confirmed } = input;
  if (confirmed || prune.length === 0) return undefined;
  const how = 'confirm it with "plumb sync --confirm-prune"';
  if (wanted === 0) {
    if (allowEmpty) return undefined;
    return {
      reason: 'EmptyRender',
      message: `the render has no objects, which would delete all ${prune.length}; ${how}, or set sync.allowEmpty`,
    };
  }
  const dataBearing = prune
    .filter((ref) => DATA_BEARING.has(`${ref.group}/${ref.kind}`))
    .map((ref) => `${ref.kind} ${ref.name}`);
  if (dataBearing.length > 0) {
    return {
      reason: 'PruneNeedsConfirmation',
      message: `deleting ${dataBearing.slice(0, 5).join(', ')}${dataBearing.length > 5 ? ` and ${dataBearing.length - 5} more` : ''} deletes their contents; ${how}`,
    };
  }
  if (prune.length > MAX_UNCONFIRMED && prune.length * 2 > before) {
    return {
      reason: 'PruneNeedsConfirmation',
      message: `${prune.length} of ${before} objects would be deleted; ${how}`,
    };
  }
  return undefined;
}
