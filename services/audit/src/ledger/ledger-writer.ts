// SPDX-License-Identifier: Apache-2.0
import { type Clock, messageOf, OverloadedError, systemClock, UpstreamError } from '@plumbline/core';
import type { Frontier } from '@plumbline/merkle';
import {
  answerRepeat,
  Batch,
  type CheckedRequest,
  nextCommitMicros,
  type PlacedRequest,
  revisionsAfter,
} from '@plumbline/event-log/append';
import type { AppendPlacement } from '@plumbline/event-log';
import { sqlStateOf } from '../database/connection.js';
import { type Head, isServerAnswer, type LedgerSql } from './ledger-sql.js';
import type { Notices } from './notices.js';
import { RequestQueue, type Waiting } from './request-queue.js';
import { failureOf } from './writer-failure.js';
import { writerLimits, type WriterLimits } from './writer-limits.js';
import { WriterMemory } from './writer-memory.js';
import type { Answer, Lead, Outcome, Prepared } from './writer-work.js';

/** What a writer needs. */
export interface LedgerWriterOptions {
  readonly sql: LedgerSql;
  /** Names this process in the head row. */
  readonly holder: string;
  readonly clock?: Clock;
  readonly notices: Notices;
  readonly limits?: Partial<WriterLimits>;
  /** Called when this writer begins to lead, with the head that it found. */
  readonly onLead: (head: Head) => void;
  readonly onStepDown: () => void;
  /** Called after each commit, before the callers are answered. */
  readonly onCommit: (batch: Batch) => void;
  /** Called with the duration of each commit in the database, in milliseconds. */
  readonly onDuration?: (ms: number) => void;
}

/** Partitions are made one ahead; looking every so many positions is early enough. */
const PARTITION_CHECK = 2 ** 20;

/**
 * The one writer of a shard. Takes requests as they come, commits those that came while the last commit ran as one
 * batch,
 * and answers after the commit. Leads while the epoch in the head row is its own; otherwise asks for the lead again
 * and again.
 */
export class LedgerWriter {
  readonly #options: LedgerWriterOptions;

  readonly #limits: WriterLimits;
  readonly #clock: Clock;
  readonly #memory: WriterMemory;
  readonly #queue: RequestQueue;
  #lead: Lead | undefined;
  #stopping = false;
  #unreachable = false;
  #wake: (() => void) | undefined;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: LedgerWriterOptions) {
    this.#options = options;

    this.#limits = { ...writerLimits, ...options.limits };
    this.#clock = options.clock ?? systemClock;
    this.#queue = new RequestQueue({ events: this.#limits.queueEvents, bytes: this.#limits.queueBytes });
    this.#memory = new WriterMemory(options.sql, this.#limits);
  }

  get epoch(): number | undefined {
    return this.#lead?.epoch;
  }

  /** Begins to ask for the lead and to work. */
  start(): void {
    this.#loop = this.#run();
  }

  /** Takes no more, finishes what waits, gives up the lead. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wake?.();
    await this.#loop;
    this.#queue.refuse(
      () => true,
      () => new UpstreamError('PLB-6002', 'the log is shutting down: send the same request again'),
    );
  }

  /** @throws OverloadedError PLB-5101 when too much waits; otherwise see `EventLog.append`. */
  append(checked: CheckedRequest): Promise<AppendPlacement> {
    if (this.#stopping)
      return Promise.reject(new UpstreamError('PLB-6002', 'the log is shutting down: send the same request again'));
    if (!this.#queue.hasRoomFor(checked)) return Promise.reject(this.#overloaded());
    return new Promise((resolve, reject) => {
      this.#queue.push({
        checked,
        resolve,
        reject,
        attempts: 0,
        deadlineMs: performance.now() + this.#limits.waitForLeadMs,
      });
      this.#wake?.();
    });
  }

  /**
   * Turns a request away before anything is spent on it: under too much load the checks alone would keep the writer
   * from its work. @throws OverloadedError PLB-5101
   */
  requireRoom(): void {
    if (this.#queue.isFull) throw this.#overloaded();
  }

  #overloaded(): OverloadedError {
    return new OverloadedError('PLB-5101', `${this.#queue.events} events wait to be written: come back later`, 250, {
      details: { queuedEvents: this.#queue.events },
    });
  }

  async #run(): Promise<void> {
    while (!this.#stopping || (this.#lead !== undefined && this.#queue.length > 0)) {
      if (this.#lead === undefined) await this.#askForLead();
      else if (this.#queue.length > 0) await this.#work(this.#lead);
      else if (!(await this.#sleep(this.#limits.heartbeatMs)) && !this.#stopping) await this.#heartbeat(this.#lead);
    }
    const lead = this.#lead;
    if (lead === undefined) return;
    this.#stepDown();
    // Nobody has to wait for the lease then; when it fails the lease ends by itself.
    await this.#options.sql.releaseLead(lead.epoch).catch(() => undefined);
  }

  async #askForLead(): Promise<void> {
    try {
      const head = await this.#options.sql.takeLead(this.#options.holder, this.#limits.leaseMs);
      if (head !== undefined) {
        await this.#memory.begin();
        this.#lead = {
          epoch: head.epoch,
          frontier: head.frontier,
          lastMicros: head.lastMicros,
          partitionsFor: Math.floor(head.frontier.size / PARTITION_CHECK),
          partitionsAtMs: performance.now(),
          keptAtMs: performance.now(),
        };
        this.#unreachable = false;
        this.#options.notices.info('leads the log', { epoch: head.epoch, position: head.frontier.size });
        this.#options.onLead(head);
        return;
      }
      this.#unreachable = false;
      await this.#sendAway();
    } catch (error) {
      // Once, not five times a second while the database is away.
      if (!this.#unreachable)
        this.#options.notices.warn('cannot lead the log; tries again', { reason: messageOf(error) });
      this.#unreachable = true;
    }
    this.#rejectOverdue();
    await this.#sleep(this.#limits.candidateMs, { always: true });
  }

  /**
   * Another process leads: who asks here does better to ask there. Unless it was this one a moment ago, whose
   * connection broke.
   */
  async #sendAway(): Promise<void> {
    if (this.#queue.length === 0) return;
    const leader = await this.#options.sql.leader();
    if (leader === this.#options.holder) return;
    this.#queue.refuse(
      () => true,
      () =>
        new UpstreamError('PLB-6002', 'another process leads the log: send the same request to that one', {
          details: { notLeading: true },
        }),
    );
  }

  #rejectOverdue(): void {
    const nowMs = performance.now();
    this.#queue.refuse(
      ({ deadlineMs }) => deadlineMs <= nowMs,
      () =>
        new UpstreamError(
          'PLB-6002',
          'this process does not lead the log and no database let it: send the same request again',
        ),
    );
  }

  async #heartbeat(lead: Lead): Promise<void> {
    lead.keptAtMs = performance.now();
    try {
      if (await this.#options.sql.renewLead(lead.epoch, this.#limits.leaseMs)) {
        await this.#preparePartitions(lead);
        return;
      }
      this.#options.notices.warn('another writer leads the log now', { epoch: lead.epoch });
    } catch (error) {
      this.#options.notices.warn('the lease of the log could not be renewed', { reason: messageOf(error) });
    }
    this.#stepDown();
  }

  #stepDown(): void {
    if (this.#lead === undefined) return;
    this.#lead = undefined;
    this.#memory.forget();
    if (!this.#stopping) this.#options.sql.letGo();
    this.#options.onStepDown();
  }

  /**
   * Commits batch after batch while requests come. The next one is made while one is under way, and goes out before
   * the callers of
   * the last one are answered: what they do next would keep the database waiting. One is under way at a time.
   */
  async #work(lead: Lead): Promise<void> {
    let [next, done]: (Prepared | undefined)[] = [undefined, undefined];
    const answer = (): void => {
      // Only after the commit: a conflict may rest on what this batch has made true.
      for (const waiting of done?.taken ?? []) this.#queue.leave(waiting);
      for (const { give } of done?.answers ?? []) give();
      done = undefined;
    };
    while (this.#lead === lead) {
      if (next === undefined) answer();
      const current = await this.#fill(lead, next);
      if (current === undefined) return answer();
      const committing =
        current.batch.events.length > 0 ? this.#commit(lead, current.batch) : this.#confirm(lead, current.answers);
      // The statement goes out first; then its time is used.
      answer();
      await new Promise((resolve) => setImmediate(resolve));
      next = this.#ahead(current.batch);
      const outcome = await committing;
      if (outcome.type === 'again') {
        this.#queue.putBack(next?.taken ?? []);
        this.#again(current.taken, outcome.cause);
        return;
      }
      done = current;
      // Appends renew the lease, so a busy leader has no heartbeat; but without the lock its death would be noticed
      // late.
      if (!this.#options.sql.holdsLock && performance.now() - lead.keptAtMs > this.#limits.heartbeatMs) {
        answer();
        await this.#heartbeat(lead);
      } else await this.#preparePartitions(lead);
      if (this.#lead !== lead) this.#queue.putBack(next?.taken ?? []);
      else if (next === undefined && this.#queue.length === 0) break;
    }
    answer();
  }

  /**
   * A batch with all that fits now: begins one, or adds what came while it waited. Undefined when what it rests on
   * cannot be loaded.
   */
  async #fill(lead: Lead, begun: Prepared | undefined): Promise<Prepared | undefined> {
    const { batchEvents, batchBytes } = this.#limits;
    const room =
      begun === undefined
        ? { events: batchEvents, bytes: batchBytes }
        : { events: batchEvents - begun.batch.events.length, bytes: batchBytes - begun.batch.bytes };
    // What was begun does not wait for others to be looked up.
    const taken = this.#queue.take(
      room,
      begun === undefined
        ? { opens: true }
        : { opens: false, wanted: ({ checked }) => this.#memory.knows(checked, begun.batch) },
    );
    try {
      await this.#memory.load(taken);
    } catch (error) {
      if (!isServerAnswer(error)) this.#stepDown();
      this.#again([...(begun?.taken ?? []), ...taken], error);
      return undefined;
    }
    const batch =
      begun?.batch ??
      new Batch({
        frontier: lead.frontier,
        recordedAtMicros: nextCommitMicros(this.#clock.nowMs(), lead.lastMicros),
        revisionOf: this.#memory.revisionOf,
      });
    const answers = taken.map((waiting) => this.#admit(batch, waiting));
    return { batch, taken: [...(begun?.taken ?? []), ...taken], answers: [...(begun?.answers ?? []), ...answers] };
  }

  /**
   * Begins the batch after one that is under way, with the requests that need nothing loaded; it counts only if that
   * one is committed.
   */
  #ahead(under: Batch): Prepared | undefined {
    const taken = this.#queue.take(
      { events: this.#limits.batchEvents, bytes: this.#limits.batchBytes },
      { opens: false, wanted: ({ checked }) => this.#memory.knows(checked, under) },
    );
    if (taken.length === 0) return undefined;
    const batch = new Batch({
      frontier: under.frontier(),
      recordedAtMicros: nextCommitMicros(this.#clock.nowMs(), under.recordedAtMicros),
      revisionOf: revisionsAfter(under.moves, this.#memory.revisionOf),
    });
    const answers = taken.map((waiting) => this.#admit(batch, waiting, under.placed));
    // Made now, while there is time.
    batch.frontier();
    batch.lines();
    return { taken, batch, answers };
  }

  /** Decides on one request; the answer is given later. */
  #admit(batch: Batch, waiting: Waiting, under?: ReadonlyMap<string, PlacedRequest>): Answer {
    try {
      const placed = under?.get(waiting.checked.requestId);
      const known =
        placed === undefined
          ? this.#memory.request(waiting.checked.requestId)
          : { digest: placed.request.digest, result: placed.result };
      const result = known === undefined ? batch.admit(waiting.checked) : answerRepeat(known, waiting.checked);
      return { refuses: false, give: () => waiting.resolve(result) };
    } catch (error) {
      return { refuses: true, give: () => waiting.reject(error) };
    }
  }

  /**
   * A refusal rests on what memory says of the streams: true only while nobody else writes, which a commit would have
   * shown.
   */
  async #confirm(lead: Lead, answers: readonly Answer[]): Promise<Outcome> {
    if (!answers.some(({ refuses }) => refuses)) return { type: 'committed' };
    try {
      if (await this.#options.sql.renewLead(lead.epoch, this.#limits.leaseMs)) return { type: 'committed' };
      this.#options.notices.warn('another writer leads the log now', { epoch: lead.epoch });
      this.#stepDown();
      return { type: 'again', cause: undefined };
    } catch (error) {
      this.#stepDown();
      return { type: 'again', cause: error };
    }
  }

  #again(taken: readonly Waiting[], cause: unknown): void {
    const back: Waiting[] = [];
    for (const waiting of taken) {
      waiting.attempts += 1;
      if (waiting.attempts < this.#limits.attempts) {
        back.push(waiting);
        continue;
      }
      this.#queue.leave(waiting);
      waiting.reject(failureOf(cause));
    }
    this.#queue.putBack(back);
  }

  async #commit(lead: Lead, batch: Batch): Promise<Outcome> {
    const frontier = batch.frontier();
    for (let attempt = 1; ; attempt += 1) {
      try {
        const begunMs = performance.now();
        await this.#options.sql.append(batch, { epoch: lead.epoch, leaseMs: this.#limits.leaseMs, frontier });
        this.#options.onDuration?.(performance.now() - begunMs);
        this.#committed(lead, batch, frontier);
        return { type: 'committed' };
      } catch (error) {
        const found = await this.#outcomeOf(lead, batch, frontier);
        if (found === 'committed') {
          this.#committed(lead, batch, frontier);
          return { type: 'committed' };
        }
        this.#options.notices.warn('a commit of the log failed', {
          reason: messageOf(error),
          sqlState: sqlStateOf(error),
          position: batch.firstPosition,
          found,
        });
        // The same bytes again only when the server never answered; an answer will not change.
        if (found === 'absent' && !isServerAnswer(error) && attempt < this.#limits.attempts) continue;
        if (found === 'absent') this.#memory.forget();
        else this.#stepDown();
        return { type: 'again', cause: error };
      }
    }
  }

  /** What became of a commit whose call failed: the stored root tells exactly. */
  async #outcomeOf(
    lead: Lead,
    batch: Batch,
    frontier: Frontier,
  ): Promise<'committed' | 'absent' | 'fenced' | 'unknown'> {
    const untilMs = performance.now() + this.#limits.leaseMs;
    for (;;) {
      try {
        const head = await this.#options.sql.readHead();
        if (head?.epoch !== lead.epoch) return 'fenced';
        if (head.frontier.size === batch.firstPosition) return 'absent';
        return head.root.equals(frontier.root()) ? 'committed' : 'fenced';
      } catch (error) {
        if (performance.now() > untilMs) {
          this.#options.notices.warn('the outcome of a commit is unknown', {
            reason: messageOf(error),
            position: batch.firstPosition,
          });
          return 'unknown';
        }
        await this.#sleep(50, { always: true });
      }
    }
  }

  #committed(lead: Lead, batch: Batch, frontier: Frontier): void {
    lead.frontier = frontier;
    lead.lastMicros = batch.recordedAtMicros;
    this.#memory.add(batch);
    this.#options.onCommit(batch);
  }

  async #preparePartitions(lead: Lead): Promise<void> {
    const reached = Math.floor(lead.frontier.size / PARTITION_CHECK);
    if (reached === lead.partitionsFor && performance.now() - lead.partitionsAtMs < this.#limits.partitionsMs) return;
    lead.partitionsFor = reached;
    lead.partitionsAtMs = performance.now();
    await this.#options.sql.ensurePartitions(lead.frontier.size).catch((error: unknown) => {
      this.#options.notices.error('partitions of the log could not be made ahead', {
        reason: messageOf(error),
        position: lead.frontier.size,
      });
    });
  }

  /** True when woken before the time was over. `always`: new requests do not wake, only stopping does. */
  #sleep(ms: number, how: { readonly always: boolean } = { always: false }): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (woken: boolean): void => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve(woken);
      };
      const timer = setTimeout(() => done(false), ms);
      this.#wake = () => {
        if (!how.always || this.#stopping) done(true);
      };
    });
  }
}
