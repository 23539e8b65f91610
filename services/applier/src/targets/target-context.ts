// SPDX-License-Identifier: Apache-2.0
import type { KeyObject } from 'node:crypto';
import type { Attributes, Tracer } from '@opentelemetry/api';
import type { Clock } from '@plumbline/core';
import type { SyncSpec } from '@plumbline/events';
import type { ObjectStore } from '@plumbline/object-store';
import type { Logger } from '@plumbline/platform';
import type { ApplierLog } from '../applier.log.js';
import type { ApplierMetrics } from '../applier.metrics.js';
import type { ClusterSession } from '../clusters/cluster-session.js';
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
  readonly tracer: Tracer;
  readonly metrics: Pick<ApplierMetrics, 'planned' | 'completed' | 'refused' | 'drifted'>;
  readonly session: (cluster: string) => ClusterSession | undefined;
  readonly tools: (session: ClusterSession) => SyncTools;
  /** Called with keys that a target no longer owns: targets that were refused these objects may claim them. */
  readonly onKeysDropped: (cluster: string, keys: readonly string[]) => void;
}

/** How targets are synced whose environment is no longer declared. */
const DEFAULT_SPEC: SyncSpec = { prune: true, selfHeal: true, timeout: '5m', allowEmpty: false, atomic: false };

/** Returns how a target is synced. */
export function syncSpecOf(fleet: Fleet, { application, environment }: TargetState): SyncSpec {
  return fleet.syncSpec(application, environment) ?? DEFAULT_SPEC;
}

/** Returns the attributes of spans about a version on a target. */
export function spanAttributes({ application, environment, cluster }: TargetState, version: number): Attributes {
  return {
    'plumbline.application': application,
    'plumbline.environment': environment,
    'plumbline.cluster': cluster,
    'plumbline.version': version,
  };
}
