// SPDX-License-Identifier: Apache-2.0
import type { Clock, TargetId } from '@plumbline/core';
import type { SyncSpec } from '@plumbline/events';
import type { SealKey } from '@plumbline/manifest';
import type { ObjectStore } from '@plumbline/object-store';
import type { Logger } from '@plumbline/platform';
import type { ClusterSession } from '../clusters/cluster-session.js';
import type { RenderedVersion } from '../domain/fleet.js';
import type { Inventory } from '../domain/inventory.js';
import type { Marks, OwnerMark } from '../domain/owner-marks.js';
import type { Claims } from '../ownership/claims.js';

/** Limits of one run. */
export interface SyncLimits {
  /** Concurrent requests for one target. */
  readonly perTarget: number;
  /** How long a CustomResourceDefinition may take until it is established and served. */
  readonly gateMs: number;
  /** How long a level of deletions waits until its objects no longer exist; the rest is left to a later run. */
  readonly pruneWaitMs: number;
  /** How long the first write of a kind waits for the watch of the kind. */
  readonly watchMs: number;
}

/** The parts that runs on one cluster use. */
export interface SyncTools {
  readonly session: ClusterSession;
  readonly claims: Claims;
  readonly store: ObjectStore;
  readonly sealKey: SealKey;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: SyncLimits;
}

/** The input of one run for one target. */
export interface SyncJob {
  readonly target: TargetId;
  readonly marks: Marks;
  readonly version: RenderedVersion;
  readonly inventory: Inventory;
  readonly spec: SyncSpec;
  readonly confirmPrune: boolean;
  /** Returns true once a newer release supersedes the run, which then stops before the next level. */
  readonly superseded: () => boolean;
  /**
   * Returns true if the owner that an object names holds it through another control plane, or through another name of
   * the same cluster.
   */
  readonly heldElsewhere: (owner: OwnerMark) => boolean;
  /** Returns the keys that another target of the cluster wants: these objects are orphaned, not deleted. */
  readonly wantedElsewhere: (keys: readonly string[]) => Promise<ReadonlySet<string>>;
}
