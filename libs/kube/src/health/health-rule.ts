// SPDX-License-Identifier: Apache-2.0
import type { HealthState } from '@plumbline/core';
import type { KubeObject } from '../types.js';

/** Health of one object: the state, a reason in CamelCase, and a sentence for people. */
export interface ObjectHealth {
  readonly state: HealthState;
  readonly reason: string;
  readonly message: string;
}

/** Facts that the object does not carry. */
export interface HealthOptions {
  readonly nowMs: number;
  /** `metadata.generation` as the last apply returned it; a status about an older generation does not count. */
  readonly appliedGeneration?: number | undefined;
  /** Time of the last apply; the grace time of objects without a status begins here, or at their creation if absent. */
  readonly appliedAtMs?: number | undefined;
  /** True if the kind has a status subresource: a custom resource without a status is then not healthy at once. */
  readonly hasStatus?: boolean | undefined;
  /**
   * How long a custom resource may be without a status before it counts as one that never gets a status; default 60
   * s.
   */
  readonly statusGraceMs?: number;
  /** False on clusters that assign no addresses to Services of type LoadBalancer and to Ingresses; default true. */
  readonly expectAddresses?: boolean;
  /** The object before its deletion: a finished Job that its TTL removed is done, not missing. */
  readonly lastKnown?: KubeObject | undefined;
}

/** Returns the health of an object of one kind, after the rules for all kinds gave no result. */
export type HealthRule = (object: KubeObject, options: HealthOptions) => ObjectHealth;
