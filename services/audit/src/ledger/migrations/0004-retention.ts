// SPDX-License-Identifier: Apache-2.0

/** Frozen: a change is a new file. The checksum spec refuses edits. */
export const ledger0004 = String.raw`
-- What was copied to files and taken out of the table, and when. The frontier is that of the tree at next_pos: the next archive goes on from it.
create table ledger.archive (
  shard       smallint not null,
  first_pos   bigint not null,
  next_pos    bigint not null check (next_pos > first_pos),
  partition   text not null,
  chunk       integer not null,
  frontier    bytea not null,
  archived_at timestamptz not null default clock_timestamp(),
  detached_at timestamptz,
  dropped_at  timestamptz,
  primary key (shard, first_pos)
);

-- Positions that must not be removed from the database while a hold is not lifted.
create table ledger.legal_hold (
  id         text primary key,
  shard      smallint not null,
  first_pos  bigint not null,
  next_pos   bigint check (next_pos > first_pos),
  reason     text not null,
  placed_by  text not null,
  placed_at  timestamptz not null default clock_timestamp(),
  lifted_by  text,
  lifted_at  timestamptz
);

create function ledger.refuse_hold_change() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' and old.lifted_at is null and new.lifted_at is not null and new.lifted_by is not null
     and (new.id, new.shard, new.first_pos, coalesce(new.next_pos, -1), new.reason, new.placed_by, new.placed_at)
       = (old.id, old.shard, old.first_pos, coalesce(old.next_pos, -1), old.reason, old.placed_by, old.placed_at) then
    return new;
  end if;
  raise exception 'a legal hold is lifted, never changed or removed: % on %.% refused', tg_op, tg_table_schema, tg_table_name using errcode = 'PLB09';
end
$$;
create trigger lifted_once before update or delete on ledger.legal_hold for each row execute function ledger.refuse_hold_change();
create trigger never_truncated before truncate on ledger.legal_hold for each statement execute function ledger.refuse_change();

grant select on ledger.archive, ledger.legal_hold to plumbline_writer;
grant insert, update on ledger.legal_hold to plumbline_writer;
`;
