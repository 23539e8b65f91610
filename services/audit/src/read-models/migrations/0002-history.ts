// SPDX-License-Identifier: Apache-2.0

/** Frozen: a change is a new file. The checksum spec refuses edits. */
export const projection0002 = String.raw`
-- Every state of every document, by the event that left it; document null = removed. Written with the live documents, never changed.
create table projection.history (
  version     integer not null,
  view        text collate "C" not null,
  key         text collate "C" not null,
  from_pos    bigint not null,
  document    json,
  recorded_at timestamptz not null,
  occurred_at timestamptz not null,
  -- Read backwards: the newest state below a position is the first one met.
  primary key (version, view, key, from_pos)
);

-- The keys that ever were, so that a list of the past need not look through all states.
create table projection.history_key (
  version integer not null,
  view    text collate "C" not null,
  key     text collate "C" not null,
  primary key (version, view, key)
);

create function projection.refuse_update() returns trigger language plpgsql as $$
begin
  raise exception 'the history of the views is append-only: % on %.% refused', tg_op, tg_table_schema, tg_table_name using errcode = 'PLB09';
end
$$;
create trigger append_only before update on projection.history for each row execute function projection.refuse_update();

-- False for a version that was begun without a history: it has one after its next rebuild.
alter table projection.live add column history boolean not null default true;
update projection.live l set history = false
where exists (select from ledger.cursor c where c.consumer = l.consumer and c.version = l.version and c.pos > 0);

grant select, insert, delete on projection.history, projection.history_key to plumbline_writer;
`;
