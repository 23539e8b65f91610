// SPDX-License-Identifier: Apache-2.0
import type { Accepted, ApprovalResult } from '@plumbline/api-contract';
import type { Collector } from '../actions/outcomes.js';

/** Answer of policy to an approval or a rejection. */
export type ApprovalAnswer = Omit<ApprovalResult, keyof Accepted | 'environment' | 'version' | 'renderDigest'>;

/** Collects what policy answers to an approval or a rejection. */
export function collectApproval(): Collector & { readonly result: ApprovalAnswer } {
  let result: ApprovalAnswer = { outcome: 'Pending' };
  return {
    add(event) {
      if (event.type === 'ApprovalGranted')
        result = { outcome: 'Granted', granted: event.data.granted, required: event.data.required };
      else if (event.type === 'ApprovalRefused')
        result = { outcome: 'Refused', reason: event.data.reason, message: event.data.message };
      else if (event.type === 'VersionRejected') result = { outcome: 'Rejected' };
      return result.outcome !== 'Pending';
    },
    get result() {
      return result;
    },
  };
}
