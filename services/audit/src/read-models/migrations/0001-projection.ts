// SPDX-License-Identifier: Apache-2.0

/** Frozen: a change is a new file. The checksum spec refuses edits. */
export const projection0001 = String.raw`
-- Documents are json, not jsonb: what is stored is what was written, and \u0000 is allowed.
create table projection.document (
  version  integer not null,
  view     text collate "C" not null,
  key      text collate "C" not null,
  document json not null,
  position bigint not null,
  primary key (version, view, key)
);

create table projection.audit_event (
  version        integer not null,
  position       bigint not null,
  type           text not null,
  actor          text not null,
  actor_name     text not null,
  application    text,
  environment    text,
  cluster        text,
  correlation_id text not null,
  recorded_at    timestamptz not null,
  primary key (version, position)
);
create index audit_event_type on projection.audit_event (version, type, position);
create index audit_event_actor on projection.audit_event (version, actor, position);
create index audit_event_actor_name on projection.audit_event (version, actor_name, position);
create index audit_event_application on projection.audit_event (version, application, position) where application is not null;
create index audit_event_environment on projection.audit_event (version, environment, position) where environment is not null;
create index audit_event_cluster on projection.audit_event (version, cluster, position) where cluster is not null;
create index audit_event_correlation on projection.audit_event (version, correlation_id, position);

-- Which version is shown, and by which definition of the views it was made.
create table projection.live (
  consumer   text primary key,
  version    integer not null,
  definition text not null
);
insert into projection.live values ('views', 1, '');

revoke all on schema projection from public;
grant usage on schema projection to plumbline_writer;
grant select, insert, update, delete on projection.document, projection.audit_event to plumbline_writer;
grant select, update on projection.live to plumbline_writer;
`;
