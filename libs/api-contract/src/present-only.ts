// SPDX-License-Identifier: Apache-2.0
import type { InputIssue } from '@plumbline/core';
import { asOfQuery } from './as-of.js';

/**
 * Reads that return the current state only, by operation id, with the reason. Every other GET operation takes `asOf`
 * and `knownAt`;
 * these reject them: an answer about the present to a question about the past would be wrong without any sign of it.
 */
export const PRESENT_ONLY: Readonly<Record<string, string>> = {
  getServerVersion: 'it tells what runs here now',
  whoAmI: 'it tells whose token this is now',
  streamEvents: 'a stream goes on into the future: begin it with "after", or read the past with GET /api/v1/events',
  getLog: 'it tells who signs the log now',
  getCheckpoint: 'a checkpoint is of a size of the log, not of a point in time',
  getInclusionProof: 'a proof is of a size of the log: give "size"',
  getConsistencyProof: 'a proof is between two sizes of the log: give "from" and "to"',
  listQuarantine: 'what was quarantined and recovered is in the log: the events StreamQuarantined and StreamRecovered',
  listParkedWork: 'what was parked and released is in the log: the events WorkParked and WorkReleased',
  listLegalHolds: 'each hold says since when and until when it was in force',
};

/**
 * Returns one issue for each bitemporal parameter in the query of an operation that has no past state; none for a
 * query without them.
 */
export function asOfIssues(query: unknown, why: string): readonly InputIssue[] {
  if (typeof query !== 'object' || query === null) return [];
  return Object.keys(asOfQuery)
    .filter((name) => Object.hasOwn(query, name))
    .map((name) => ({ path: `query.${name}`, message: `there is no past to read here (${why}): leave it out` }));
}
