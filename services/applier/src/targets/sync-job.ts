// SPDX-License-Identifier: Apache-2.0
import type { RenderedVersion } from '../domain/fleet.js';
import type { Inventory } from '../domain/inventory.js';
import type { Marks } from '../domain/owner-marks.js';
import type { TargetState } from '../domain/target-state.js';
import type { SyncJob } from '../sync/tools.js';
import { syncSpecOf, type TargetContext } from './target-context.js';

/** What distinguishes one run for a target from another. */
export interface JobInput {
  readonly marks: Marks;
  readonly version: RenderedVersion;
  readonly inventory: Inventory;
  /** A person has confirmed the deletions. */
  readonly confirmPrune: boolean;
  /** Release that the run is for; a release with another id supersedes it. Absent for a plan. */
  readonly releaseId?: string;
}

/** Returns the input of a run for a target. */
export function syncJob(context: TargetContext, target: TargetState, input: JobInput): SyncJob {
  const { fleet, ownership } = context;
  const { releaseId, ...given } = input;
  return {
    ...given,
    target: target.id,
    spec: syncSpecOf(fleet, target),
    superseded: () => {
      const release = fleet.environment(target.application, target.environment).release?.data;
      return (
        releaseId !== undefined &&
        release !== undefined &&
        release.releaseId !== releaseId &&
        release.clusters.includes(target.cluster)
      );
    },
    heldElsewhere: (owner) => ownership.isHeldElsewhere(owner, target.cluster),
    wantedElsewhere: (keys) => ownership.wantedElsewhere(target.id, keys),
  };
}
