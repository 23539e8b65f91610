// SPDX-License-Identifier: Apache-2.0

/** Frozen: a change is a new file. The checksum spec refuses edits. */
export const ledger0003 = String.raw`
-- Whether the leader holds the advisory lock. Only then does a free lock tell that it died: one that took over from a process that hung
-- leads by its lease alone until that process lets go of the lock, and must not be thrown out by it when it wakes.
alter table ledger.head add column locked boolean not null default true;

-- A new epoch for the caller when the lease is over, or at once when it has got the lock of a leader that held it.
create function ledger.claim_lead(p_shard smallint, p_holder text, p_lease_ms integer, p_locked boolean) returns setof ledger.head
language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into ledger.head (shard, epoch, next_pos, root, frontier, last_at, holder, lease_until)
  values (p_shard, 0, 0, sha256(''::bytea), ''::bytea, 'epoch', '', '-infinity') on conflict do nothing;
  update ledger.head h
  set epoch = h.epoch + 1, holder = p_holder, locked = p_locked, lease_until = clock_timestamp() + p_lease_ms * interval '1 millisecond'
  where h.shard = p_shard and ((p_locked and h.locked) or h.lease_until < clock_timestamp())
  returning h.*;
$$;

-- As renew_lead; also notes whether the leader holds the lock now.
create function ledger.keep_lead(p_shard smallint, p_epoch bigint, p_lease_ms integer, p_locked boolean) returns bigint
language sql security definer set search_path = pg_catalog, pg_temp as $$
  update ledger.head set locked = p_locked, lease_until = clock_timestamp() + p_lease_ms * interval '1 millisecond'
  where shard = p_shard and epoch = p_epoch
  returning next_pos;
$$;

revoke all on function ledger.claim_lead, ledger.keep_lead from public;
grant execute on function ledger.claim_lead, ledger.keep_lead to plumbline_writer;
`;
