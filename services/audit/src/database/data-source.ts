// SPDX-License-Identifier: Apache-2.0
import { messageOf, UpstreamError } from '@plumbline/core';
import type { Logger } from '@plumbline/platform';
import type pg from 'pg';
import { DataSource, type ObjectLiteral } from 'typeorm';
import { connectionConfig } from './connection.js';

/** A class that TypeORM maps to a table. */
export type Entity = new () => ObjectLiteral;

/** How a data source is opened. */
export interface DataSourceOptions {
  readonly url: string;
  /** Role that the connections act as; undefined for the user of the URL. */
  readonly role: string | undefined;
  /** Connections at most. */
  readonly max: number;
  /** Commits need not be on disk when they are answered: only for data that is made again from the log. */
  readonly relaxedDurability?: boolean;
  readonly entities: readonly Entity[];
  readonly logger: Pick<Logger, 'warn'>;
}

const STATEMENT_TIMEOUT_MS = 30_000;

/**
 * Opens connections that act as the role, with a statement timeout. Never changes the schema: migrations do.
 * @throws UpstreamError PLB-6007 when the database is not reachable
 */
export async function openDataSource(options: DataSourceOptions): Promise<DataSource> {
  const { logger, entities, max } = options;
  const source = new DataSource({
    type: 'postgres',
    synchronize: false,
    installExtensions: false,
    logging: false,
    entities: [...entities],
    extra: {
      ...connectionConfig({ ...options, statementTimeoutMs: STATEMENT_TIMEOUT_MS }),
      application_name: 'plumbline-audit',
      max,
    },
    poolErrorHandler: (error: unknown) =>
      logger.warn('a connection of the audit service broke', { reason: messageOf(error) }),
  });
  try {
    return await source.initialize();
  } catch (error) {
    throw new UpstreamError('PLB-6007', `the database of the audit service cannot be opened: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** The connection pool of a data source, for the statements that are written by hand (see docs/adr/0008). */
export function poolOf(source: DataSource): pg.Pool {
  return (source.driver as unknown as { readonly master: pg.Pool }).master;
}
