// SPDX-License-Identifier: Apache-2.0
import type { KeyObject } from 'node:crypto';
import type { Clock, TargetId } from '@plumbline/core';
import type { ObjectStore } from '@plumbline/object-store';
import type { Logger } from '@plumbline/platform';
import type { ApplierMetrics } from '../applier.metrics.js';
import type { ClusterSession } from '../clusters/cluster-session.js';
import type { FleetState } from '../domain/fleet-state.js';
import type { OwnerMark } from '../domain/ownership.js';
import type { Slots } from '../domain/limits.js';
import type { SyncTools } from '../sync/tools.js';
import type { FleetLog } from './fleet-log.js';
import type { Inventories } from './inventories.js';

/** What the work on a target needs from the service. */
export interface RunnerDeps {
  readonly config: { readonly installation: string; readonly releaseKeys: readonly KeyObject[] };
  readonly fleet: FleetState;
  readonly log: FleetLog;
  readonly store: ObjectStore;
  readonly inventories: Inventories;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Pick<ApplierMetrics, 'completed' | 'refused' | 'drifted'>;
  readonly session: (cluster: string) => ClusterSession | undefined;
  readonly tools: (session: ClusterSession) => SyncTools;
  /** Syncs of one cluster at once. */
  readonly slots: (cluster: string) => Slots;
  /** Folds what the log has of a target's stream and we have not seen. */
  readonly refold: (target: TargetId) => Promise<void>;
  /** Keys are free for others now. */
  readonly freed: (cluster: string, keys: readonly string[]) => void;
  /** Remembers what a target wants, for those who would delete it. */
  readonly wants: (target: TargetId, renderDigest: string, keys: ReadonlySet<string>) => void;
  /** True when an owner that an object names has it through another control plane, or through another name of the same cluster. */
  readonly heldElsewhere: (owner: OwnerMark, cluster: string) => boolean;
  /** Which of the keys other targets of the cluster want. */
  readonly wantedElsewhere: (target: TargetId, keys: readonly string[]) => Promise<ReadonlySet<string>>;
}
