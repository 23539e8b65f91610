// SPDX-License-Identifier: Apache-2.0

/** Frozen: a change is a new file. The checksum spec refuses edits. */
export const ledger0005 = String.raw`
-- The holder of work that one process does for all. The epoch rises with every change of the holder: it fences the writes of a former holder.
create table ledger.work_lease (
  work        text primary key,
  holder      text not null,
  epoch       bigint not null,
  acquired_at timestamptz not null default clock_timestamp(),
  expires_at  timestamptz not null
);

-- How far events were delivered to a subscription. begun_by is the position of the declaration or replay that the delivery was begun for.
create table ledger.delivery_cursor (
  subscription text primary key,
  begun_by     bigint not null,
  pos          bigint not null,
  delivered    bigint not null,
  updated_at   timestamptz not null default clock_timestamp()
);

grant select, insert, update, delete on ledger.work_lease, ledger.delivery_cursor to plumbline_writer;
`;
