// SPDX-License-Identifier: Apache-2.0
import type { KnownDifference } from '@plumbline/kube/testing';

/**
 * Where the simulated cluster is not like kube-apiserver. The suite fails when a difference listed here has vanished,
 * or names no check.
 */
export const simulatedDifferences: readonly KnownDifference[] = [
  {
    check: 'beyond: evaluates the CEL rules in the schema of a CRD',
    reason: 'CEL is a language of its own; everything else in a structural schema is checked',
  },
  {
    check: 'beyond: enforces a ValidatingAdmissionPolicy',
    reason: 'CEL again; tests refuse writes with `denyAdmission`, which can answer in the words of a policy',
  },
  {
    check: 'beyond: counts new objects against a ResourceQuota',
    reason: 'quota needs a controller to be of use; tests refuse writes with `denyAdmission`',
  },
  {
    check: 'beyond: refuses what a user has no right to do',
    reason: 'the simulated cluster knows no users: whoever reaches it may do everything',
  },
  {
    check: 'beyond: answers in tables and in protobuf to who asks for them',
    reason:
      'JSON objects only: `kubectl get` shows names and ages, and `kubectl create TYPE`, which sends protobuf, is refused with 415',
  },
];
