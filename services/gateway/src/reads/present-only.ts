// SPDX-License-Identifier: Apache-2.0
import type { InputIssue } from '@plumbline/core';
import { momentQuery } from './moment.js';

/**
 * Reads that answer of the present only, by the id of the operation, and why. Every other GET operation takes `asOf` and `knownAt`;
 * these refuse them: an answer of now to a question about then would be wrong without anybody noticing.
 */
export const PRESENT_ONLY: Readonly<Record<string, string>> = {
  getServerVersion: 'it tells what runs here now',
  whoAmI: 'it tells whose token this is now',
  streamEvents: 'a stream goes on into the future: begin it with "after", or read the past with GET /api/v1/events',
  getLog: 'it tells who signs the log now',
  getCheckpoint: 'a checkpoint is of a size of the log, not of a moment',
  getInclusionProof: 'a proof is of a size of the log: give "size"',
  getConsistencyProof: 'a proof is between two sizes of the log: give "from" and "to"',
  listParkedWork: 'what was parked and released is in the log: the events WorkParked and WorkReleased',
  listLegalHolds: 'each hold says since when and until when it was in force',
};

/** Refusals of moments in the query of what has no past; nothing for a query without one. */
export function momentIssues(query: unknown, why: string): readonly InputIssue[] {
  if (typeof query !== 'object' || query === null) return [];
  return Object.keys(momentQuery)
    .filter((name) => Object.hasOwn(query, name))
    .map((name) => ({ path: `query.${name}`, message: `there is no past to read here (${why}): leave it out` }));
}
