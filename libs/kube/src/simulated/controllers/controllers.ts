// SPDX-License-Identifier: Apache-2.0
import type { ApiServer } from '../api-server.js';
import type { Scheduler } from './scheduler.js';

/** Timing of the simulated controllers. */
export interface StatusSimulation {
  /** From a change of a workload to its readiness; 50 ms by default. */
  readonly readyDelayMs?: number;
  /** From the deletion of a namespace or an owner to the clean-up; 20 ms by default. */
  readonly cleanUpDelayMs?: number;
}

/** How a workload fails. */
export interface WorkloadFailure {
  readonly reason: string;
  readonly message: string;
}

/** The controllers of a cluster, as far as a deploying client notices them. */
export class Controllers {
  constructor(
    private readonly server: ApiServer,
    private readonly scheduler: Scheduler,
    private readonly timing: StatusSimulation,
  ) {}

  fail(_workload: { readonly kind: string; readonly namespace: string; readonly name: string }, _failure: WorkloadFailure | undefined): void {}

  resync(): void {}
}
