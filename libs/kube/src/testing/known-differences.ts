// SPDX-License-Identifier: Apache-2.0

/** A check of the contract suite that an implementation does not pass, and why that is acceptable. */
export interface KnownDifference {
  /** `area: title` of the check. */
  readonly check: string;
  readonly reason: string;
}

/** Where the simulated cluster is not like kube-apiserver. The suite fails when a difference listed here has vanished, or names no check. */
export const simulatedDifferences: readonly KnownDifference[] = [];
