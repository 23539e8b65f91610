// SPDX-License-Identifier: Apache-2.0
import type { KeyObject } from 'node:crypto';
import type { Clock, TargetId } from '@plumbline/core';
import type { SyncSpec } from '@plumbline/events';
import type { ObjectStore } from '@plumbline/object-store';
import type { Logger } from '@plumbline/platform';
import type { ApplierLog } from '../applier.log.js';
import type { ApplierMetrics } from '../applier.metrics.js';
import type { ClusterSession } from '../clusters/cluster-session.js';
import type { Slots } from '../domain/concurrency.js';
import type { Fleet } from '../domain/fleet.js';
import type { TargetState } from '../domain/target-state.js';
import type { Inventories } from '../ownership/inventories.js';
import type { Ownership } from '../ownership/ownership.js';
import type { SyncTools } from '../sync/tools.js';

/** The parts of the service that the work on a target uses. */
export interface TargetContext {
  readonly config: { readonly installation: string; readonly releaseKeys: readonly KeyObject[] };
  readonly fleet: Fleet;
  readonly log: ApplierLog;
  readonly store: ObjectStore;
  readonly inventories: Inventories;
  readonly ownership: Ownership;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Pick<ApplierMetrics, 'completed' | 'refused' | 'drifted'>;
  readonly session: (cluster: string) => ClusterSession | undefined;
  readonly tools: (session: ClusterSession) => SyncTools;
  /** Limits the syncs of one cluster. */
  readonly slots: (cluster: string) => Slots;
  /** Folds events of the stream of a target that are in the log and not in the fold. */
  readonly refold: (target: TargetId) => Promise<void>;
  /** Called with keys that a target no longer owns: targets that were refused these objects may claim them. */
  readonly onKeysDropped: (cluster: string, keys: readonly string[]) => void;
}

/** How targets are synced whose environment is no longer declared. */
const DEFAULT_SPEC: SyncSpec = { prune: true, selfHeal: true, timeout: '5m', allowEmpty: false, atomic: false };

/** Returns how a target is synced. */
export function syncSpecOf(fleet: Fleet, { application, environment }: TargetState): SyncSpec {
  return fleet.syncSpec(application, environment) ?? DEFAULT_SPEC;
}
