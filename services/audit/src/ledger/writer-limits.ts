// SPDX-License-Identifier: Apache-2.0

/** Sizes and times of group commit and of the lease. */
export const writerLimits = {
  batchEvents: 200,
  batchBytes: 256 * 1024,
  queueEvents: 4_096,
  queueBytes: 16 * 1024 * 1024,
  leaseMs: 3_000,
  heartbeatMs: 1_000,
  /** How often a writer that does not lead asks for the lead. */
  candidateMs: 50,
  /** How long a request waits for a writer that leads. */
  waitForLeadMs: 5_000,
  attempts: 3,
  cachedStreams: 200_000,
  /** Streams that are loaded when the lead begins; with more than these, each is loaded when it is needed. */
  loadedStreams: 50_000,
  cachedRequests: 20_000,
  /** Newest request ids that are loaded when the lead begins; whether an older one is a repeat is looked up. */
  loadedRequests: 10_000,
  /** How often partitions are made ahead; those of request ids go by the calendar. */
  partitionsMs: 12 * 3_600_000,
} as const;

/** Sizes and times, some of them different. */
export type WriterLimits = { readonly [Key in keyof typeof writerLimits]: number };
