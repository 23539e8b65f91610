// SPDX-License-Identifier: Apache-2.0
import { UpstreamError } from '@plumbline/core';
import type pg from 'pg';

/** Schemas that belong to the log: only the audit service may use them. */
export const LOG_SCHEMAS = ['ledger', 'projection'] as const;

/** What a database role may do that a service other than audit must not. */
export interface RoleReport {
  readonly role: string;
  readonly superuser: boolean;
  /** Schemas of the log that the role may use. */
  readonly schemas: readonly string[];
}

/** Returns what the role of the connection may do with the schemas of the log. */
export async function inspectRole(client: Pick<pg.ClientBase, 'query'>): Promise<RoleReport> {
  const { rows } = await client.query<RoleReport>(
    `select current_user as role,
      (select rolsuper from pg_roles where rolname = current_user) as superuser,
      array(
        select n.nspname::text from pg_namespace n
        where n.nspname = any($1)
          and (has_schema_privilege(current_user, n.oid, 'USAGE') or pg_has_role(current_user, n.nspowner, 'MEMBER'))
        order by 1
      ) as schemas`,
    [[...LOG_SCHEMAS]],
  );
  const [report] = rows;
  if (report === undefined)
    throw new UpstreamError('PLB-6022', 'the database does not report the role of the connection');
  return report;
}

/**
 * Resolves when the role of the connection cannot use the schemas of the log.
 * @throws UpstreamError PLB-6022 when it can: whoever takes over this service could read or write the log.
 */
export async function requireSeparateRole(client: Pick<pg.ClientBase, 'query'>): Promise<void> {
  const { role, superuser, schemas } = await inspectRole(client);
  if (!superuser && schemas.length === 0) return;
  const what = superuser ? 'is a superuser' : `may use the schema ${schemas.join(' and ')} of the log`;
  throw new UpstreamError(
    'PLB-6022',
    `the database role "${role}" of PLUMBLINE_OBJECT_STORE_URL ${what}: give the object store a role of its own ` +
      '(docs/guides/distributed.md, "Database roles"), or set PLUMBLINE_OBJECT_STORE_ALLOW_LOG_ACCESS=true to accept the risk',
    { retry: 'never' },
  );
}
