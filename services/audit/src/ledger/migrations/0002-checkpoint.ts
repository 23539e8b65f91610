// SPDX-License-Identifier: Apache-2.0

/** Frozen: a change is a new file. The checksum spec refuses edits. */
export const ledger0002 = String.raw`
-- A signature cannot be taken back: no checkpoint is changed or removed, and only cosignatures and the time of publication are added.
create function ledger.refuse_checkpoint_change() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' and (new.shard, new.size, new.note) = (old.shard, old.size, old.note) and starts_with(new.cosignatures, old.cosignatures)
     and (old.published_at is null or new.published_at = old.published_at) then
    return new;
  end if;
  raise exception 'a signed checkpoint stays as it is: % on %.% refused', tg_op, tg_table_schema, tg_table_name using errcode = 'PLB09';
end
$$;
create trigger signed_once before update or delete on ledger.checkpoint for each row execute function ledger.refuse_checkpoint_change();
create trigger never_truncated before truncate on ledger.checkpoint for each statement execute function ledger.refuse_change();
create trigger never_truncated before truncate on ledger.tile for each statement execute function ledger.refuse_change();
create trigger append_only before update or delete on ledger.tile for each row execute function ledger.refuse_change();

-- Only what is committed, under the epoch: PLB01 when the epoch is over, PLB04 when the note is not of the log as it is,
-- PLB05 when a larger tree was signed already. The first signature of a size stays; the answer is the note that counts.
create function ledger.add_checkpoint(p_shard smallint, p_epoch bigint, p_size bigint, p_note text) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  known text;
begin
  -- Locked, so that no other writer can take over between this look and the row.
  perform from ledger.head where shard = p_shard and epoch = p_epoch and next_pos >= p_size for share;
  if not found then
    raise exception 'epoch % does not write shard % any more, or has not come to size %', p_epoch, p_shard, p_size using errcode = 'PLB01';
  end if;
  perform from ledger.commit
    where shard = p_shard and last_pos = p_size - 1 and split_part(p_note, E'\n', 2) = p_size::text and split_part(p_note, E'\n', 3) = encode(root, 'base64');
  if not found then
    raise exception 'the note is not of the log at size %', p_size using errcode = 'PLB04';
  end if;
  if exists (select from ledger.checkpoint where shard = p_shard and size > p_size) then
    raise exception 'a checkpoint above size % was signed already', p_size using errcode = 'PLB05';
  end if;
  insert into ledger.checkpoint (shard, size, note) values (p_shard, p_size, p_note) on conflict do nothing;
  select note into known from ledger.checkpoint where shard = p_shard and size = p_size;
  return known;
end
$$;

create function ledger.publish_checkpoint(p_shard smallint, p_size bigint) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  update ledger.checkpoint set published_at = clock_timestamp() where shard = p_shard and size = p_size and published_at is null;
$$;

create function ledger.cosign_checkpoint(p_shard smallint, p_size bigint, p_line text) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  update ledger.checkpoint set cosignatures = cosignatures || p_line where shard = p_shard and size = p_size and position(p_line in cosignatures) = 0;
$$;

create index checkpoint_witnessed on ledger.checkpoint (shard, size) where cosignatures <> '';

revoke all on function ledger.add_checkpoint, ledger.publish_checkpoint, ledger.cosign_checkpoint, ledger.refuse_checkpoint_change from public;
revoke insert, update on ledger.checkpoint from plumbline_writer;
grant execute on function ledger.add_checkpoint, ledger.publish_checkpoint, ledger.cosign_checkpoint to plumbline_writer;
`;
