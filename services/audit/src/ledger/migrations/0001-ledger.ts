// SPDX-License-Identifier: Apache-2.0

/** Frozen: a change is a new file. The checksum spec refuses edits. */
export const ledger0001 = String.raw`
do $check$
begin
  if current_setting('server_encoding') <> 'UTF8' then
    raise exception 'the database of the log must be encoded in UTF8, not %: the tree is hashed over UTF-8 bytes', current_setting('server_encoding');
  end if;
end
$check$;

-- One group role for whoever writes; it owns nothing. Roles belong to the whole server, so it may be there already.
do $role$
begin
  if not exists (select from pg_roles where rolname = 'plumbline_writer') then
    begin
      create role plumbline_writer nologin;
    exception when duplicate_object or unique_violation then
      null;
    end;
  end if;
  if not pg_has_role(current_user, 'plumbline_writer', 'MEMBER') then
    execute format('grant plumbline_writer to %I', current_user);
  end if;
end
$role$;

create table ledger.head (
  shard       smallint primary key,
  epoch       bigint not null,
  next_pos    bigint not null check (next_pos >= 0),
  root        bytea not null check (octet_length(root) = 32),
  frontier    bytea not null,
  last_at     timestamptz not null,
  holder      text not null,
  lease_until timestamptz not null
) with (fillfactor = 20);

create table ledger.event (
  shard       smallint not null,
  pos         bigint not null,
  stream      text not null,
  revision    bigint not null,
  type        text not null,
  tenant      text not null,
  recorded_at timestamptz not null,
  body        text not null,
  leaf        bytea not null,
  primary key (shard, pos),
  constraint event_body_size check (octet_length(body) <= 65535),
  constraint event_leaf_of_body check (leaf = sha256('\x00'::bytea || convert_to(body, 'UTF8')))
) partition by range (pos);

create table ledger.stream_head (
  shard    smallint not null,
  stream   text not null,
  revision bigint not null,
  last_pos bigint not null,
  primary key (shard, stream)
) with (fillfactor = 70);

create table ledger.request (
  request_id  uuid not null primary key,
  shard       smallint not null,
  first_pos   bigint not null,
  n           integer not null,
  digest      bytea not null,
  recorded_at timestamptz not null
) partition by range (request_id);

create table ledger.commit (
  shard       smallint not null,
  last_pos    bigint not null,
  first_pos   bigint not null,
  recorded_at timestamptz not null,
  epoch       bigint not null,
  root        bytea not null,
  primary key (shard, last_pos)
);
create index commit_by_time on ledger.commit (shard, recorded_at);

create table ledger.checkpoint (
  shard        smallint not null,
  size         bigint not null,
  note         text not null,
  cosignatures text not null default '',
  published_at timestamptz,
  primary key (shard, size)
);

create table ledger.tile (
  shard  smallint not null,
  level  smallint not null,
  idx    bigint not null,
  hashes bytea not null,
  primary key (shard, level, idx)
);

create table ledger.cursor (
  consumer    text not null,
  version     integer not null,
  shard       smallint not null,
  partition   smallint not null,
  pos         bigint not null,
  leaf_at_pos bytea,
  owner_epoch bigint not null,
  updated_at  timestamptz not null default clock_timestamp(),
  primary key (consumer, version, shard, partition)
) with (fillfactor = 50);

create table ledger.dead_letter (
  consumer   text not null,
  version    integer not null,
  shard      smallint not null,
  pos        bigint not null,
  key        text not null,
  attempts   integer not null,
  error      text not null,
  state      text not null check (state in ('parked', 'resolved')),
  updated_at timestamptz not null default clock_timestamp(),
  primary key (consumer, version, shard, pos, key)
);

create table ledger.subject_key (
  subject     text primary key,
  wrapped_key bytea,
  erased_at   timestamptz
);

create function ledger.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'the log is append-only: % on %.% refused', tg_op, tg_table_schema, tg_table_name using errcode = 'PLB09';
end
$$;

create trigger append_only before update or delete on ledger.event for each row execute function ledger.refuse_change();
create trigger never_truncated before truncate on ledger.event for each statement execute function ledger.refuse_change();
create trigger append_only before update or delete on ledger.commit for each row execute function ledger.refuse_change();
create trigger never_truncated before truncate on ledger.commit for each statement execute function ledger.refuse_change();

-- Partitions of whole tiles (2^23 events) and of seven days of request ids. A table is made apart and then attached,
-- which unlike "partition of" does not lock readers out.
create function ledger.ensure_partitions(p_next bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  width constant bigint := 8388608;
  week constant bigint := 604800000;
  this_week constant bigint := floor(extract(epoch from clock_timestamp()) * 1000 / 604800000)::bigint;
  k bigint;
  part text;
begin
  perform pg_advisory_xact_lock(hashtextextended('plumbline.ledger.partitions', 0));
  for k in p_next / width .. p_next / width + 1 loop
    part := 'event_p' || lpad(k::text, 8, '0');
    if to_regclass('ledger.' || part) is null then
      execute format('create table ledger.%I (like ledger.event including all)', part);
      execute format('create unique index on ledger.%I (shard, stream, revision)', part);
      execute format('create trigger never_truncated before truncate on ledger.%I for each statement execute function ledger.refuse_change()', part);
      execute format('alter table ledger.event attach partition ledger.%I for values from (%s) to (%s)', part, k * width, (k + 1) * width);
    end if;
  end loop;
  for k in this_week - 5 .. this_week + 2 loop
    part := 'request_w' || k;
    if to_regclass('ledger.' || part) is null then
      execute format('create table ledger.%I (like ledger.request including all)', part);
      execute format(
        'alter table ledger.request attach partition ledger.%I for values from (%L) to (%L)', part,
        lpad(to_hex(k * week), 12, '0') || '00000000000000000000', lpad(to_hex((k + 1) * week), 12, '0') || '00000000000000000000');
    end if;
  end loop;
end
$$;

-- A new epoch for the caller: always when the lease is over; at once with p_force, which a caller passes that holds the advisory lock.
create function ledger.take_lead(p_shard smallint, p_holder text, p_lease_ms integer, p_force boolean) returns setof ledger.head
language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into ledger.head (shard, epoch, next_pos, root, frontier, last_at, holder, lease_until)
  values (p_shard, 0, 0, sha256(''::bytea), ''::bytea, 'epoch', '', '-infinity') on conflict do nothing;
  update ledger.head h
  set epoch = h.epoch + 1, holder = p_holder, lease_until = clock_timestamp() + p_lease_ms * interval '1 millisecond'
  where h.shard = p_shard and (p_force or h.lease_until < clock_timestamp())
  returning h.*;
$$;

create function ledger.renew_lead(p_shard smallint, p_epoch bigint, p_lease_ms integer) returns bigint
language sql security definer set search_path = pg_catalog, pg_temp as $$
  update ledger.head set lease_until = clock_timestamp() + p_lease_ms * interval '1 millisecond'
  where shard = p_shard and epoch = p_epoch
  returning next_pos;
$$;

create function ledger.release_lead(p_shard smallint, p_epoch bigint) returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
  update ledger.head set lease_until = '-infinity' where shard = p_shard and epoch = p_epoch;
$$;

-- The only way into the log. PLB01: fenced (another epoch, or the head moved). PLB02: the writer's stream heads are not those of the log.
-- PLB03: the time goes back, or is ahead of the database. p_bodies are lines: canonical JSON has no raw line feed.
create function ledger.append(
  p_shard smallint, p_epoch bigint, p_first bigint, p_lease_ms integer, p_recorded_at timestamptz, p_root bytea, p_frontier bytea,
  p_tenant text, p_streams text[], p_revisions bigint[], p_types text[], p_bodies text, p_leaves bytea,
  p_head_streams text[], p_head_before bigint[], p_head_after bigint[], p_head_pos bigint[],
  p_request_ids uuid[], p_request_first bigint[], p_request_n integer[], p_request_digests bytea
) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  n constant integer := cardinality(p_streams);
  known constant integer := (select count(*) from unnest(p_head_before) b where b >= 0);
  affected integer;
begin
  if p_recorded_at > clock_timestamp() + interval '5 seconds' then
    raise exception 'the time % is more than 5 s ahead of the database', p_recorded_at using errcode = 'PLB03';
  end if;

  update ledger.head
  set next_pos = p_first + n, root = p_root, frontier = p_frontier, last_at = p_recorded_at,
      lease_until = clock_timestamp() + p_lease_ms * interval '1 millisecond'
  where shard = p_shard and epoch = p_epoch and next_pos = p_first and last_at < p_recorded_at;
  if not found then
    if exists (select from ledger.head where shard = p_shard and epoch = p_epoch and next_pos = p_first) then
      raise exception 'the time % is not after that of the last commit', p_recorded_at using errcode = 'PLB03';
    end if;
    raise exception 'epoch % does not write at position % of shard % any more', p_epoch, p_first, p_shard using errcode = 'PLB01';
  end if;

  insert into ledger.event (shard, pos, stream, revision, type, tenant, recorded_at, body, leaf)
  select p_shard, p_first + e.i - 1, e.stream, e.revision, e.type, p_tenant, p_recorded_at, e.body, substring(p_leaves from ((e.i - 1) * 32 + 1)::integer for 32)
  from rows from (unnest(p_streams), unnest(p_revisions), unnest(p_types), string_to_table(p_bodies, E'\n')) with ordinality as e(stream, revision, type, body, i);
  get diagnostics affected = row_count;
  if affected <> n then
    raise exception '% events announced, % given', n, affected using errcode = 'PLB02';
  end if;

  update ledger.stream_head h set revision = u.after, last_pos = u.pos
  from unnest(p_head_streams, p_head_before, p_head_after, p_head_pos) as u(stream, before, after, pos)
  where h.shard = p_shard and h.stream = u.stream and h.revision = u.before;
  get diagnostics affected = row_count;
  if affected <> known then
    raise exception '% of % streams are not at the expected revision', known - affected, known using errcode = 'PLB02';
  end if;
  insert into ledger.stream_head (shard, stream, revision, last_pos)
  select p_shard, u.stream, u.after, u.pos
  from unnest(p_head_streams, p_head_before, p_head_after, p_head_pos) as u(stream, before, after, pos)
  where u.before < 0;

  insert into ledger.request (request_id, shard, first_pos, n, digest, recorded_at)
  select r.id, p_shard, r.first, r.n, substring(p_request_digests from ((r.i - 1) * 32 + 1)::integer for 32), p_recorded_at
  from unnest(p_request_ids, p_request_first, p_request_n) with ordinality as r(id, first, n, i);

  insert into ledger.commit (shard, last_pos, first_pos, recorded_at, epoch, root)
  values (p_shard, p_first + n - 1, p_first, p_recorded_at, p_epoch, p_root);
end
$$;

select ledger.ensure_partitions(0);

revoke all on all functions in schema ledger from public;
revoke all on schema ledger from public;
grant usage on schema ledger to plumbline_writer;
grant select on all tables in schema ledger to plumbline_writer;
grant insert, update, delete on ledger.cursor, ledger.dead_letter to plumbline_writer;
grant insert, update on ledger.checkpoint, ledger.subject_key to plumbline_writer;
grant insert on ledger.tile to plumbline_writer;
grant execute on function ledger.ensure_partitions, ledger.take_lead, ledger.renew_lead, ledger.release_lead, ledger.append to plumbline_writer;
`;
