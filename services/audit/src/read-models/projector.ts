// SPDX-License-Identifier: Apache-2.0
import { type Clock, messageOf, systemClock, UpstreamError } from '@plumbline/core';
import type { BodyPage, ParkedItem, ParkedWork, RawEventLog, ReleaseReport } from '@plumbline/event-log';
import { sqlStateOf } from '../database/connection.js';
import type { Logger } from '@plumbline/platform';
import type { ProjectionTables } from './projection-tables.js';
import { announceQuarantine, READ_MODELS, recordRetries } from './quarantine-events.js';
import { type Apply, type RetryRequest, ViewFold } from './view-fold.js';

/** The log as the projector needs it: one process at a time projects, the one that leads. */
export interface LedLog extends RawEventLog {
  readonly epoch: number | undefined;
  /** One above the last committed position; undefined while this process does not lead. */
  readonly nextPosition: number | undefined;
  onLead(listener: (leads: boolean) => void): () => void;
}

/** What a projector needs. */
export interface ProjectorOptions {
  readonly log: LedLog;
  readonly tables: ProjectionTables;
  readonly logger: Pick<Logger, 'error' | 'warn' | 'info'>;
  /** How an event changes the views; the fold of `@plumbline/read-models` when absent. */
  readonly apply?: Apply;
  readonly clock?: Clock;
  /** Names what `apply` makes of events; tables made by another definition are rebuilt in the background. */
  readonly definition?: string;
  readonly pageSize?: number;
  /** How long to gather events for the next page after one that changed something, in milliseconds; 10 when absent. */
  readonly gatherMs?: number;
  /** How often to look without having been woken, in milliseconds; 1,000 when absent. */
  readonly idlePollMs?: number;
}

/**
 * To be raised with every change of what the views make of the same events: then the tables are rebuilt at the next
 * start.
 */
export const VIEWS_DEFINITION = '4';

/** How a rebuild went. */
export interface RebuildReport {
  readonly version: number;
  readonly position: number;
  /** Hashes of the version that was shown and of the rebuilt one, at the same position. */
  readonly liveHash: string;
  readonly rebuiltHash: string;
}

interface Work {
  readonly version: number;
  readonly fold: ViewFold;
  position: number;
}

/** A page that is being read while the one before is written. */
interface Ahead {
  readonly from: number;
  readonly limit: number;
  readonly page: Promise<BodyPage | undefined>;
}

/** Folds the log into the tables of the projection, page by page, and keeps a rebuilt version ready to take over. */
export class Projector implements ParkedWork {
  readonly #options: ProjectorOptions;

  readonly #pageSize: number;
  readonly #definition: string;
  readonly #gatherMs: number;
  #live: Work | undefined;
  #running = false;
  #stopped = false;
  #background: Promise<void> | undefined;
  #rebuilding: Promise<unknown> = Promise.resolve();
  #retrying: Promise<void> = Promise.resolve();
  #loop: Promise<void> = Promise.resolve();
  /** The last exclusive work; never rejects. */
  #busy: Promise<unknown> = Promise.resolve();
  #wake: (() => void) | undefined;
  #hurry: (() => void) | undefined;
  #stirred = false;
  #refused = new Set<number>();
  #singlyUntil = 0;
  readonly #waiting = new Set<{ readonly position: number; readonly resolve: () => void }>();
  #unsubscribe: (() => void)[] = [];

  constructor(options: ProjectorOptions) {
    this.#options = options;

    this.#pageSize = options.pageSize ?? 1_000;
    this.#definition = options.definition ?? VIEWS_DEFINITION;
    this.#gatherMs = options.gatherMs ?? 10;
  }

  /** The next position to fold; undefined while this process does not lead. */
  get position(): number | undefined {
    return this.#live?.position;
  }

  /**
   * Streams that stand still because of an event that cannot be applied; undefined while this process does not lead.
   */
  get parkedKeys(): number | undefined {
    return this.#live?.fold.parkedKeys;
  }

  /** Begins; the tables follow the log while this process leads it. */
  start(): void {
    this.#running = true;
    const stir = (): void => this.#stir();
    this.#unsubscribe = [this.#options.log.onCommitted(stir), this.#options.log.onLead(stir)];
    this.#loop = this.#run();
  }

  /** Stops after the page in hand. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#stopped = true;
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#stir();
    this.#hurry?.();
    await this.#loop;
    await this.#background;
    await this.#retrying;
    await this.#busy;
  }

  /** True when everything below the position is in the tables; false when the time is over before. */
  async waitFor(position: number, timeoutMs: number): Promise<boolean> {
    const endMs = performance.now() + timeoutMs;
    for (;;) {
      // Another process leads: its progress shows only in the tables.
      const reached =
        this.#live?.position ?? (await this.#options.tables.position(await this.#options.tables.liveVersion()));
      if (reached >= position) return true;
      const leftMs = endMs - performance.now();
      if (leftMs <= 0) return false;
      await this.#moved(position, Math.min(leftMs, this.#live === undefined ? 50 : 250));
    }
  }

  /**
   * Folds everything again from position 0 into a new version while the old one is shown and goes on, then shows the
   * new one.
   * Nothing is appended meanwhile. @throws when this process does not lead the log.
   */
  rebuild(): Promise<RebuildReport> {
    // One after the other: two at once would build the same version.
    this.#rebuilding = this.#rebuilding.then(
      async () => this.#rebuild(),
      async () => this.#rebuild(),
    );
    return this.#rebuilding as Promise<RebuildReport>;
  }

  async #rebuild(): Promise<RebuildReport> {
    const { tables } = this.#options;
    const before = await tables.liveVersion();
    const version = before + 1;
    await tables.clear(version);
    const ahead = await this.#catchUp({ version, until: Number.POSITIVE_INFINITY, sideEffects: false });
    const report = await this.#exclusive(async () => {
      const shown = this.#live ?? (await this.#load(before));
      const until = Math.max(shown.position, ahead.position);
      const [work, live] = [
        await this.#catchUp({ version, until, sideEffects: false, from: ahead }),
        await this.#catchUp({ version: before, until, sideEffects: true, from: shown }),
      ];
      const found = {
        version,
        position: live.position,
        liveHash: await tables.hash(before),
        rebuiltHash: await tables.hash(version),
      };
      await tables.flip(before, version, this.#definition);
      this.#live = work;
      this.#stir();
      this.#options.logger.info('the views were rebuilt', { ...found, equal: found.liveHash === found.rebuiltHash });
      return found;
    });
    await tables.removeOlder(version);
    await this.#recordRetries();
    return report;
  }

  async list(): Promise<readonly ParkedItem[]> {
    return this.#options.tables.parked(await this.#options.tables.liveVersion());
  }

  async release(key?: string): Promise<ReleaseReport> {
    if (this.#options.log.epoch === undefined) {
      throw new UpstreamError('PLB-6002', 'another process leads the log: it alone folds the views', {
        details: { notLeading: true },
      });
    }
    const before = await this.list();
    if (before.length === 0 || (key !== undefined && !before.some((item) => item.key === key)))
      return { released: 0, stillParked: before };
    // All keys at once: what a view shows may come from several streams, and only their common order gives what it
    // should be.
    await this.rebuild();
    const stillParked = await this.list();
    const still = new Set(stillParked.map((item) => item.key));
    const released = before.filter((item) => !still.has(item.key)).length;
    this.#options.logger.info('parked events were tried again', { released, stillParked: stillParked.length });
    return { released, stillParked };
  }

  async #run(): Promise<void> {
    let pauseMs = 100;
    while (this.#running) {
      this.#stirred = false;
      try {
        if (this.#options.log.epoch === undefined) {
          this.#live = undefined;
          await this.#sleep(this.#options.idlePollMs ?? 1_000);
          continue;
        }
        const moved = await this.#exclusive(async () => {
          this.#live ??= await this.#begin();
          return this.#step(this.#live, { sideEffects: true });
        });
        pauseMs = 100;
        if (moved) await this.#gather();
        else await this.#sleep(this.#options.idlePollMs ?? 1_000);
      } catch (error) {
        // Memory may be ahead of the tables now.
        this.#live = undefined;
        this.#options.logger.warn('the views could not follow the log; tries again', { reason: messageOf(error) });
        this.#stirred = false;
        await this.#sleep(pauseMs);
        pauseMs = Math.min(pauseMs * 2, 5_000);
      }
    }
  }

  /**
   * Under load the next page takes what came in a few milliseconds: a statement for every commit would cost the
   * database as much as the
   * appends do. Nobody waits longer for it: who asks for a position ends the pause, and a page that was full has no
   * pause.
   */
  async #gather(): Promise<void> {
    const pauseMs = this.#gatherMs;
    const head = this.#options.log.nextPosition;
    if (
      pauseMs === 0 ||
      this.#waiting.size > 0 ||
      (head !== undefined && head - (this.#live?.position ?? 0) >= this.#pageSize)
    )
      return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#hurry = undefined;
        resolve();
      };
      const timer = setTimeout(done, pauseMs);
      this.#hurry = done;
    });
  }

  async #begin(): Promise<Work> {
    const { version, definition } = await this.#options.tables.live();
    const work = await this.#load(version);
    if (definition === this.#definition) return work;
    if (work.position === 0) await this.#options.tables.define(this.#definition);
    else if (this.#background === undefined) {
      this.#options.logger.info(
        'the views were made by another definition; they are rebuilt while the old ones are shown',
        { from: definition, to: this.#definition },
      );
      // Not awaited: the old ones go on meanwhile. When it fails, the next lead tries again.
      this.#background = this.rebuild()
        .then(
          () => undefined,
          (error: unknown) =>
            this.#options.logger.error('the views could not be rebuilt; the old ones are shown', {
              reason: messageOf(error),
            }),
        )
        .finally(() => (this.#background = undefined));
    }
    return work;
  }

  async #load(version: number): Promise<Work> {
    const loaded = await this.#options.tables.load(version);
    return { version, fold: new ViewFold(loaded, this.#options.apply), position: loaded.position };
  }

  /** Pages up to a position, or to the head; begins again from the tables after data that they refuse. */
  async #catchUp(goal: {
    readonly version: number;
    readonly until: number;
    readonly sideEffects: boolean;
    readonly from?: Work;
  }): Promise<Work> {
    let work = goal.from ?? (await this.#load(goal.version));
    let ahead: Ahead | undefined;
    for (;;) {
      if (this.#stopped)
        throw new UpstreamError(
          'PLB-6008',
          'the projector was stopped during a rebuild; it begins again at the next start',
        );
      try {
        const limit = Math.min(this.#pageSize, goal.until - work.position);
        if (limit <= 0) return work;
        const page =
          ahead?.from === work.position && ahead.limit === limit && work.position >= this.#singlyUntil
            ? await ahead.page
            : undefined;
        // Read while the page in hand is written.
        const next = page?.nextPosition ?? work.position + limit;
        const nextLimit = Math.min(this.#pageSize, goal.until - next);
        ahead =
          nextLimit > 0
            ? {
                from: next,
                limit: nextLimit,
                page: quietly(this.#options.log.readBodies({ from: next, limit: nextLimit })),
              }
            : undefined;
        if (
          !(await this.#step(work, { sideEffects: goal.sideEffects, limit, ...(page === undefined ? {} : { page }) }))
        )
          return work;
      } catch (error) {
        if (!isDataError(error)) throw error;
        ahead = undefined;
        work = await this.#load(goal.version);
      }
    }
  }

  /** One page; false when there was nothing. */
  async #step(
    work: Work,
    how: { readonly sideEffects: boolean; readonly limit?: number; readonly page?: BodyPage },
  ): Promise<boolean> {
    const { log, tables } = this.#options;
    const limit = work.position < this.#singlyUntil ? 1 : (how.limit ?? this.#pageSize);
    const { bodies, nextPosition } = how.page ?? (await log.readBodies({ from: work.position, limit }));
    if (nextPosition <= work.position) return false;
    const page = work.fold.fold(bodies, this.#refused);
    if (how.sideEffects)
      await announceQuarantine(
        page.parked.filter((parked) => parked.isCause),
        work.version,
        { log, clock: this.#options.clock ?? systemClock, logger: this.#options.logger },
      );
    try {
      const written = await tables.write({
        version: work.version,
        epoch: log.epoch ?? 0,
        from: work.position,
        to: nextPosition,
        page,
      });
      if (!written)
        throw new Error(
          `the cursor of version ${work.version} is not at ${work.position} any more: another process moved it`,
        );
    } catch (error) {
      this.#isolate(error, { from: work.position, to: nextPosition });
      throw error;
    }
    work.position = nextPosition;
    this.#tell();
    if (how.sideEffects) this.#retry(page.retries);
    return true;
  }

  /** Processes quarantined streams again because an operator asked for it in the log. */
  #retry(requests: readonly RetryRequest[]): void {
    for (const { consumer, stream } of requests) {
      if (consumer !== undefined && consumer !== READ_MODELS) continue;
      this.#retrying = this.#retrying
        .then(async () => {
          if (this.#stopped) return;
          await this.release(stream);
          await this.#recordRetries();
        })
        .then(
          () => undefined,
          (error: unknown) =>
            this.#options.logger.warn('the quarantined streams could not be retried; repeat the request', {
              reason: messageOf(error),
            }),
        );
    }
  }

  /** Records in the log what recovered and what failed again. A failure is logged; the next retry records it. */
  async #recordRetries(): Promise<void> {
    const { log, clock = systemClock, logger } = this.#options;
    if (log.epoch === undefined) return;
    try {
      await recordRetries(await this.list(), { log, clock });
    } catch (error) {
      logger.warn('the result of a retry of quarantined streams could not be recorded; repeat the request', {
        reason: messageOf(error),
      });
    }
  }

  /** Data that the tables refuse would be refused for ever: find the event, one by one, and let it be parked. */
  #isolate(error: unknown, page: { readonly from: number; readonly to: number }): void {
    if (!isDataError(error)) return;
    if (page.to - page.from === 1) this.#refused.add(page.from);
    else this.#singlyUntil = Math.max(this.#singlyUntil, page.to);
  }

  /** One at a time: a page of the live version, or the end of a rebuild. */
  #exclusive<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#busy.then(work, work);
    this.#busy = result.catch(() => undefined);
    return result;
  }

  #stir(): void {
    this.#stirred = true;
    this.#wake?.();
  }

  #tell(): void {
    for (const waiter of this.#waiting) if ((this.#live?.position ?? 0) >= waiter.position) waiter.resolve();
  }

  #moved(position: number, timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const waiter = {
        position,
        resolve: (): void => {
          clearTimeout(timer);
          this.#waiting.delete(waiter);
          resolve();
        },
      };
      const timer = setTimeout(waiter.resolve, timeoutMs);
      this.#waiting.add(waiter);
      this.#hurry?.();
    });
  }

  #sleep(ms: number): Promise<void> {
    if (this.#stirred || !this.#running) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#wake = done;
    });
  }
}

/** A page that could not be read ahead is read again when it is wanted; then its failure counts. */
function quietly(page: Promise<BodyPage>): Promise<BodyPage | undefined> {
  return page.catch(() => undefined);
}

/** True for data that PostgreSQL will refuse again and again. */
function isDataError(error: unknown): boolean {
  const state = sqlStateOf(error) ?? '';
  return state.startsWith('22') || state.startsWith('23');
}
