// SPDX-License-Identifier: Apache-2.0
import type { Clock, TargetId } from '@plumbline/core';
import type { SyncSpec } from '@plumbline/events';
import type { SealKey } from '@plumbline/manifest';
import type { ObjectStore } from '@plumbline/object-store';
import type { Logger } from '@plumbline/platform';
import type { ClusterSession } from '../clusters/cluster-session.js';
import type { RenderedVersion } from '../domain/fleet-state.js';
import type { Inventory } from '../domain/inventory.js';
import type { Marks, OwnerMark } from '../domain/ownership.js';

/** Waits and limits inside a run. */
export interface SyncLimits {
  /** Requests of one target in flight. */
  readonly perTarget: number;
  /** How long a definition may take to be established and served. */
  readonly gateMs: number;
  /** How long a level of deletions waits for objects to be really gone before it leaves the rest to a later run. */
  readonly pruneWaitMs: number;
  /** How long the first write of a kind waits for the watch of it. */
  readonly watchMs: number;
}

/** What runs work with. */
export interface SyncTools {
  readonly session: ClusterSession;
  readonly store: ObjectStore;
  readonly sealKey: SealKey;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: SyncLimits;
}

/** One run for one target. */
export interface SyncJob {
  readonly target: TargetId;
  readonly marks: Marks;
  readonly version: RenderedVersion;
  readonly inventory: Inventory;
  readonly spec: SyncSpec;
  readonly confirmPrune: boolean;
  /** True once a newer release makes this run pointless: it stops at the next level. */
  readonly superseded: () => boolean;
  /** True when an owner that an object names has it through another control plane, or through another name of the same cluster. */
  readonly heldElsewhere: (owner: OwnerMark) => boolean;
  /** True for keys that another target of the cluster is to have: they are let go of, not deleted. */
  readonly wantedElsewhere: (keys: readonly string[]) => Promise<ReadonlySet<string>>;
}
