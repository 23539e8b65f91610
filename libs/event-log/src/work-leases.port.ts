// SPDX-License-Identifier: Apache-2.0
import { InputError } from '@plumbline/core';

/** Injection token of the {@link WorkLeases}. */
export const WORK_LEASES = Symbol('WORK_LEASES');

/** The right to do work that one process does for all. */
export interface WorkLease {
  readonly work: string;
  /** The process. */
  readonly holder: string;
  /** Rises with every change of the holder: writes with the epoch of a former holder are rejected. */
  readonly epoch: number;
}

/** What {@link WorkLeases.acquire} is asked for. */
export interface LeaseRequest {
  /** Lower case letters and `-`, at most 63. */
  readonly work: string;
  /** Names the process; unique for each start. */
  readonly holder: string;
  /** From 1 ms to an hour. */
  readonly ttlMs: number;
}

/**
 * Leases on work that one of several processes does at a time. They are stored next to the log, and the database's
 * clock alone decides
 * when they expire: a change of the log's leader does not affect them.
 */
export interface WorkLeases {
  /**
   * Acquires the lease, or renews the lease of the same holder. Returns undefined while another holder's lease has
   * not expired.
   * @throws InputError PLB-1158 for an invalid request; UpstreamError PLB-6007 when the database is not reachable
   */
  acquire(request: LeaseRequest): Promise<WorkLease | undefined>;
  /**
   * Ends the lease now, so that another process need not wait; does nothing when the holder or the epoch has changed.
   * @throws UpstreamError PLB-6007
   */
  release(lease: WorkLease): Promise<void>;
}

const WORK = /^[a-z][a-z-]{0,62}$/;
const LONGEST_HOLDER = 128;
const LONGEST_LEASE_MS = 3_600_000;

/** @throws InputError PLB-1158 for an invalid request */
export function checkLeaseRequest({ work, holder, ttlMs }: LeaseRequest): void {
  if (!WORK.test(work) || ttlMs < 1 || ttlMs > LONGEST_LEASE_MS || holder === '' || holder.length > LONGEST_HOLDER)
    throw new InputError(
      'PLB-1158',
      `a lease on "${work.slice(0, 64)}" for ${ttlMs} ms is invalid: use a name of lower case letters, a holder of at most ${LONGEST_HOLDER} characters and 1 ms to an hour`,
    );
}
