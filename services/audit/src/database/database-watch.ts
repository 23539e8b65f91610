// SPDX-License-Identifier: Apache-2.0
import { connectionConfig } from './connection.js';
import type { Logger } from '@plumbline/platform';
import pg from 'pg';
import { WorkLoop } from '../work-loop.js';

/** What is watched, and who is told. */
export interface DatabaseWatchOptions {
  readonly url: string;
  readonly role: string | undefined;
  /** From one look to the next. */
  readonly everyMs: number;
  /** How long a look waits for its answer. */
  readonly timeoutMs: number;
  readonly logger: Logger;
  /** Called with every change. */
  readonly report: (answers: boolean, detail: string) => void;
}

/** One look that fails may be a failover, or a restart of a second: nobody is sent elsewhere for that. */
const AWAY_AFTER = 3;
/** A database that comes and goes is not back with its first answer. */
const BACK_AFTER = 2;

/**
 * Whether the database answers this process, asked on a connection of its own: a process that is merely busy does not
 * count as cut off. Begins with
 * "answers".
 */
export class DatabaseWatch {
  readonly #options: DatabaseWatchOptions;

  readonly #loop: WorkLoop;
  #client: pg.Client | undefined;
  #answers = true;
  /** Looks in a row that say the other thing. */
  #against = 0;

  constructor(options: DatabaseWatchOptions) {
    this.#options = options;

    this.#loop = new WorkLoop({ step: async () => this.#step() });
  }

  start(): void {
    this.#options.report(true, 'answers');
    this.#loop.start();
  }

  /** Resolves after the look in hand. */
  async stop(): Promise<void> {
    await this.#loop.stop();
    await this.#drop();
  }

  async #step(): Promise<number> {
    const problem = await this.#look().then(() => undefined, codeOf);
    const answers = problem === undefined;
    if (!answers) await this.#drop();
    this.#against = answers === this.#answers ? 0 : this.#against + 1;
    if (this.#against >= (this.#answers ? AWAY_AFTER : BACK_AFTER)) this.#change(answers, problem);
    return this.#options.everyMs;
  }

  #change(answers: boolean, problem: string | undefined): void {
    this.#answers = answers;
    this.#against = 0;
    const { logger, report } = this.#options;
    if (answers) logger.info('the database of the log answers again: this process is ready');
    else
      logger.warn('the database of the log does not answer: this process is not ready until it does', {
        reason: problem,
      });
    report(answers, answers ? 'answers' : `does not answer (${problem ?? 'no reason'})`);
  }

  async #look(): Promise<void> {
    this.#client ??= await this.#connect();
    await this.#client.query('select 1');
  }

  async #connect(): Promise<pg.Client> {
    const { url, role, timeoutMs } = this.#options;
    const client = new pg.Client({
      ...connectionConfig({ url, role, statementTimeoutMs: timeoutMs }),
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs,
      application_name: 'plumbline-ready',
    });
    // A connection that breaks between two looks is found by the next one.
    client.on('error', () => undefined);
    try {
      await client.connect();
      return client;
    } catch (error) {
      void client.end().catch(() => undefined);
      throw error;
    }
  }

  async #drop(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    // A server that is silent does not say goodbye either.
    await client?.end().catch(() => undefined);
  }
}

/** A word such as ECONNREFUSED or an SQLSTATE; the text may name hosts and users. */
function codeOf(error: unknown): string {
  const code: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : undefined;
  return typeof code === 'string' ? code : 'no answer in time';
}
