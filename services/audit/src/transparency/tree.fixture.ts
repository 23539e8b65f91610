// SPDX-License-Identifier: Apache-2.0
import type { EventLog } from '@plumbline/event-log';
import { sampleAppend } from '@plumbline/event-log/testing';
import type { Logger } from '@plumbline/platform';
import { generateSigningKeyPem, openCheckpoint, pemSigner, type SignedCheckpoint } from '@plumbline/merkle';
import { sharedDatabase, type TestDatabase, waitUntil } from '@plumbline/testkit';
import pg from 'pg';
import { auditTemplate, type RunningAudit, startAudit } from '../audit.fixture.js';
import type { TreeConfig } from './tree.config.js';

/** One line that the service logged. */
export interface LoggedLine {
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A logger that keeps its lines. */
export function recorder(): { readonly logger: Logger; readonly lines: LoggedLine[] } {
  const lines: LoggedLine[] = [];
  const at =
    (level: LoggedLine['level']) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}): void =>
      void lines.push({ level, message, fields });
  const logger: Logger = {
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    child: () => logger,
  };
  return { logger, lines };
}

export const origin = 'plumbline.test/log';

/** Configuration of a signed log of which nobody else knows. */
export function treeOptions(options: Partial<TreeConfig> = {}): TreeConfig {
  return {
    origin,
    signer: pemSigner(generateSigningKeyPem(), origin),
    formerKeys: [],
    witnesses: [],
    witnessEveryMs: 50,
    witnessAlarmMs: 60_000,
    anchor: undefined,
    ...options,
  };
}

/** The audit service over a database, signing; several may be opened over one. */
export interface SignedAudit extends RunningAudit {
  readonly config: TreeConfig;
  readonly lines: readonly LoggedLine[];
  /** The newest checkpoint, verified. */
  checkpoint(minSize?: number): Promise<SignedCheckpoint>;
}

export async function openSigned(database: TestDatabase, config: TreeConfig = treeOptions()): Promise<SignedAudit> {
  const { logger, lines } = recorder();
  const audit = await startAudit(database.url, { logger, tree: config });
  return {
    ...audit,
    config,
    lines,
    checkpoint: async (minSize) => {
      if (config.signer === undefined) throw new Error('this log is not signed');
      return openCheckpoint(
        await audit.transparency.tree.checkpoint(minSize === undefined ? {} : { minSize }),
        config.signer.key,
      );
    },
  };
}

export async function freshDatabase(): Promise<TestDatabase> {
  return sharedDatabase({ template: auditTemplate });
}

/** Appends so many events. */
export async function fill(log: EventLog, events: number): Promise<void> {
  for (let left = events; left > 0; left -= 100)
    await Promise.all(
      Array.from({ length: Math.min(100, left) }, (_, index) => log.append(sampleAppend(`project-web-${index % 5}`))),
    );
}

/** Waits for a condition. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  await waitUntil(what, condition);
}

/** Statements of somebody who owns the server: triggers and checks do not hold them. */
export async function asSuperuser(database: TestDatabase, statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    await client.query('set session_replication_role = replica');
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
