// SPDX-License-Identifier: Apache-2.0

/** Frozen: a change is a new file. The checksum spec refuses edits. */
export const content0001 = String.raw`
create table objects.content (
  digest     bytea primary key check (octet_length(digest) = 32),
  content    bytea not null,
  size       integer not null check (size = octet_length(content)),
  created_at timestamptz not null default clock_timestamp()
);
`;
