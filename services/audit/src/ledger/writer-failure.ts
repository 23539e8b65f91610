// SPDX-License-Identifier: Apache-2.0
import { messageOf, UpstreamError } from '@plumbline/core';
import { sqlStateOf } from '../database/connection.js';

/** What the callers of a commit that failed are told. */
export function failureOf(cause: unknown): Error {
  const state = sqlStateOf(cause);
  if (state === undefined) {
    return new UpstreamError(
      'PLB-6001',
      'the database of the log did not answer, the outcome is unknown: send the same request again',
      { cause },
    );
  }
  if (state === 'PLB01')
    return new UpstreamError('PLB-6002', 'another writer leads the log now: send the same request again', { cause });
  if (state === 'PLB03')
    return new UpstreamError(
      'PLB-6005',
      `the clock of the log and the clock of its database disagree: ${messageOf(cause)}`,
      { cause },
    );
  const canHelp = !state.startsWith('22') && !state.startsWith('23');
  return new UpstreamError(
    'PLB-6004',
    `the database of the log refused to write (SQLSTATE ${state}): ${messageOf(cause)}`,
    {
      cause,
      retry: canHelp ? 'after-delay' : 'never',
      details: { sqlState: state },
    },
  );
}
