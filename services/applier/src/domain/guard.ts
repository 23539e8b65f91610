// SPDX-License-Identifier: Apache-2.0
import type { ObjectRef } from '@plumbline/kube';

/** What the guard knows of a run. */
export interface GuardInput {
  /** Objects that the new set has. */
  readonly wanted: number;
  /** Objects that were there before. */
  readonly before: number;
  readonly prune: readonly ObjectRef[];
  readonly allowEmpty: boolean;
  /** A person has confirmed this prune. */
  readonly confirmed: boolean;
}

/** Why deletions wait for a person. */
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
const MAX_UNASKED = 10;

/** Deletions never happen unasked when the render is empty, when most of a target would go, or when data may be lost with them. */
export function pruneGuard(input: GuardInput): GuardVerdict | undefined {
  const { wanted, before, prune, allowEmpty, confirmed } = input;
  if (confirmed || prune.length === 0) return undefined;
  const how = 'confirm it with "plumb sync --confirm-prune"';
  if (wanted === 0) {
    if (allowEmpty) return undefined;
    return {
      reason: 'EmptyRender',
      message: `the render has no objects and would delete all ${prune.length}: ${how} or set sync.allowEmpty`,
    };
  }
  const precious = prune
    .filter((ref) => DATA_BEARING.has(`${ref.group}/${ref.kind}`))
    .map((ref) => `${ref.kind} ${ref.name}`);
  if (precious.length > 0) {
    return {
      reason: 'PruneNeedsConfirmation',
      message: `deleting ${precious.slice(0, 5).join(', ')}${precious.length > 5 ? ` and ${precious.length - 5} more` : ''} deletes what is inside: ${how}`,
    };
  }
  if (prune.length > MAX_UNASKED && prune.length * 2 > before) {
    return {
      reason: 'PruneNeedsConfirmation',
      message: `${prune.length} of ${before} objects would be deleted: ${how}`,
    };
  }
  return undefined;
}
