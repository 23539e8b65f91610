// SPDX-License-Identifier: Apache-2.0
import pg from 'pg';
import { QueryFailedError } from 'typeorm';

/** The group role that may append and read, and change nothing. */
export const WRITER_ROLE = 'plumbline_writer';

/** How a connection to the database of the log is made. */
export interface ConnectionOptions {
  readonly url: string;
  /** Role that the connection acts as; undefined for the user of the URL. */
  readonly role: string | undefined;
  readonly statementTimeoutMs: number;
  /**
   * Commits need not be on disk when they are answered: only for data that is made again from the log. A crash loses
   * whole transactions, never parts.
   */
  readonly relaxedDurability?: boolean;
}

/** Options of a connection that acts as the role. */
export function connectionConfig(options: ConnectionOptions): pg.ClientConfig {
  const settings = [
    ...(options.role === undefined ? [] : [`-c role=${options.role}`]),
    `-c statement_timeout=${options.statementTimeoutMs}`,
    '-c idle_in_transaction_session_timeout=5000',
    '-c TimeZone=UTC',
    ...(options.relaxedDurability === true ? ['-c synchronous_commit=off'] : []),
  ];
  return {
    connectionString: options.url,
    options: settings.join(' '),
    connectionTimeoutMillis: 5_000,
    query_timeout: options.statementTimeoutMs + 2_000,
    keepAlive: true,
    application_name: 'plumbline-log',
  };
}

/** SQLSTATE of an error of the server; undefined for any other error. */
export function sqlStateOf(error: unknown): string | undefined {
  const cause: unknown = error instanceof QueryFailedError ? error.driverError : error;
  return cause instanceof pg.DatabaseError ? cause.code : undefined;
}
