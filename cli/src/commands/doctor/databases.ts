// SPDX-License-Identifier: Apache-2.0
import { messageOf } from '@plumbline/core';
import type { Client } from 'pg';
import type { Finding } from './doctor.js';

/** The databases of an installation; a check that needs an absent one is reported as not checked. */
export interface DatabaseUrls {
  /** As the audit service connects. */
  readonly logUrl: string | undefined;
  /** As every other service connects. */
  readonly objectStoreUrl: string | undefined;
}

const LOG_SCHEMAS = ['ledger', 'projection'] as const;
const OLDEST_VERSION = 150_000;

interface Role {
  readonly role: string;
  readonly superuser: boolean;
  readonly version: number;
  readonly encrypted: boolean | null;
  readonly log_schemas: readonly string[];
}

interface Access {
  readonly schema: string;
  readonly owner: string;
  readonly role: string;
}

async function connected<Result>(url: string, work: (client: Client) => Promise<Result>): Promise<Result> {
  // Loaded here: most verbs talk to the server only.
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function roleOf(client: Client): Promise<Role> {
  const { rows } = await client.query<Role>(
    `select current_user as role, r.rolsuper as superuser, current_setting('server_version_num')::int as version,
      (select s.ssl from pg_stat_ssl s where s.pid = pg_backend_pid()) as encrypted,
      array(
        select n.nspname::text from pg_namespace n
        where n.nspname = any($1)
          and (has_schema_privilege(current_user, n.oid, 'USAGE') or pg_has_role(current_user, n.nspowner, 'MEMBER'))
        order by 1
      ) as log_schemas
    from pg_roles r where r.rolname = current_user`,
    [[...LOG_SCHEMAS]],
  );
  const [role] = rows;
  if (role === undefined) throw new Error('the server does not report the role of the connection');
  return role;
}

/** Roles that can sign in, are no superusers, and may use a schema of the log. */
async function accessToLog(client: Client): Promise<readonly Access[]> {
  const { rows } = await client.query<Access>(
    `select n.nspname::text as schema, o.rolname::text as owner, r.rolname::text as role
    from pg_namespace n join pg_roles o on o.oid = n.nspowner cross join pg_roles r
    where n.nspname = any($1) and r.rolcanlogin and not r.rolsuper
      and (has_schema_privilege(r.oid, n.oid, 'USAGE') or pg_has_role(r.oid, n.nspowner, 'MEMBER'))
    order by 1, 3`,
    [[...LOG_SCHEMAS]],
  );
  return rows;
}

function common(what: string, role: Role): Finding[] {
  const findings: Finding[] = [];
  const major = Math.floor(role.version / 10_000);
  findings.push(
    role.version >= OLDEST_VERSION
      ? { check: `${what}: version`, result: 'Ok', message: `PostgreSQL ${major}` }
      : {
          check: `${what}: version`,
          result: 'Failed',
          message: `PostgreSQL ${major} is too old: 15 or newer is needed`,
        },
  );
  findings.push(
    role.encrypted === true
      ? { check: `${what}: TLS`, result: 'Ok', message: 'the connection is encrypted' }
      : {
          check: `${what}: TLS`,
          result: 'Warning',
          message: 'the connection is not encrypted: add sslmode=verify-full and sslrootcert=FILE to the URL',
        },
  );
  return findings;
}

async function checkLog(url: string, objectRole: string | undefined): Promise<readonly Finding[]> {
  return connected(url, async (client) => {
    const role = await roleOf(client);
    const findings = common('log database', role);
    findings.push(
      role.superuser
        ? {
            check: 'log database: role',
            result: 'Failed',
            message: `"${role.role}" is a superuser: triggers and grants that keep the log append-only do not bind it`,
          }
        : { check: 'log database: role', result: 'Ok', message: `"${role.role}" is no superuser` },
    );
    const access = await accessToLog(client);
    const others = [...new Set(access.filter((one) => one.role !== role.role).map((one) => one.role))];
    const check = 'log database: access of other roles';
    if (access.length === 0 && role.log_schemas.length === 0)
      findings.push({
        check,
        result: 'NotChecked',
        message: 'the schemas of the log do not exist yet: start audit first',
      });
    else if (others.length === 0)
      findings.push({ check, result: 'Ok', message: `only "${role.role}" may use the log` });
    else
      findings.push({
        check,
        result: 'Failed',
        message: `${others.map((name) => `"${name}"`).join(', ')} may use the schemas of the log: revoke it`,
      });
    if (objectRole !== undefined)
      findings.push(
        objectRole === role.role
          ? {
              check: 'separate roles',
              result: 'Failed',
              message: `the log and the object store are both used as "${role.role}": every service could rewrite the log`,
            }
          : { check: 'separate roles', result: 'Ok', message: `log: "${role.role}", object store: "${objectRole}"` },
      );
    return findings;
  });
}

async function checkObjectStore(
  url: string,
): Promise<{ readonly role?: string; readonly findings: readonly Finding[] }> {
  return connected(url, async (client) => {
    const role = await roleOf(client);
    const findings = common('object store', role);
    const check = 'object store: no access to the log';
    if (role.superuser)
      findings.push({ check, result: 'Failed', message: `"${role.role}" is a superuser and may do everything` });
    else if (role.log_schemas.length > 0)
      findings.push({
        check,
        result: 'Failed',
        message: `"${role.role}" may use the schema ${role.log_schemas.join(' and ')}: give the object store its own role`,
      });
    else findings.push({ check, result: 'Ok', message: `"${role.role}" cannot use the log` });
    return { role: role.role, findings };
  });
}

const unreachable = (check: string, error: unknown): Finding => ({
  check,
  result: 'Failed',
  message: `cannot be checked: ${messageOf(error)}`,
});

/** Checks versions, encryption and the separation of roles. */
export async function checkDatabases({ logUrl, objectStoreUrl }: DatabaseUrls): Promise<readonly Finding[]> {
  const notGiven = (check: string, flag: string): Finding => ({
    check,
    result: 'NotChecked',
    message: `give ${flag} to check it`,
  });
  const objects =
    objectStoreUrl === undefined
      ? { findings: [notGiven('object store', '--object-store')] }
      : await checkObjectStore(objectStoreUrl).catch((error: unknown) => ({
          findings: [unreachable('object store', error)],
        }));
  const role = 'role' in objects ? objects.role : undefined;
  const log =
    logUrl === undefined
      ? [notGiven('log database', '--log-database')]
      : await checkLog(logUrl, role).catch((error: unknown) => [unreachable('log database', error)]);
  return [...log, ...objects.findings];
}
