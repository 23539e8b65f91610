// SPDX-License-Identifier: Apache-2.0

/** Injection token of the {@link WorkLeases}. */
export const WORK_LEASES = Symbol('WORK_LEASES');

/**
 * Tells processes that share work whether the one that does it still lives. A hint and no lock: who does the work is an event in the log, and
 * whoever takes it over says so there. Nothing is stored; a process that begins to lead the log waits one time span before it calls work vacant.
 */
export interface WorkLeases {
  /** Says that the work is being done, for so long. @throws UpstreamError PLB-6002 when no process leads the log */
  keep(work: string, ttlMs: number): Promise<void>;
  /** True when nobody has said so for so long. @throws UpstreamError PLB-6002 when no process leads the log */
  isVacant(work: string, ttlMs: number): Promise<boolean>;
}
