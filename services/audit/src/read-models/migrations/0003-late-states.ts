// SPDX-License-Identifier: Apache-2.0

/** Frozen: a change is a new file. The checksum spec refuses edits. */
export const projection0003 = String.raw`
-- States that were reported long after they happened. All others are found near the position of their time.
create index history_late on projection.history (version, view, key, from_pos) where recorded_at - occurred_at > interval '1 minute';
`;
