// SPDX-License-Identifier: Apache-2.0
import { ConflictError, Digest, NotFoundError, StreamName, uuidv7 } from '@plumbline/core';
import type { Actor, NewEvent } from '@plumbline/events';
import { checkLegalHold } from '../legal-hold-check.js';
import type { HoldChange, LegalHold, LegalHolds, NewLegalHold } from '../legal-holds.port.js';
import type { AskedWork, ParkedItem, ParkedWork, ReleaseReport } from '../parked-work.port.js';
import type { ErasureReport, PersonalData } from '../personal-data.port.js';
import type { MemoryEventLog } from './memory-event-log.js';

async function tell(log: MemoryEventLog, stream: string, actor: Actor, events: readonly NewEvent[]): Promise<number> {
  const { lastPosition } = await log.append({
    requestId: uuidv7(Date.now()),
    actor,
    service: 'audit',
    items: [{ stream: StreamName.parse(stream), expected: { type: 'any' }, events }],
  });
  return lastPosition;
}

/** Legal holds in memory, for specs: what the events of the log say. */
export class MemoryLegalHolds implements LegalHolds {
  readonly #log: MemoryEventLog;

  #last: Promise<unknown> = Promise.resolve();

  constructor(log: MemoryEventLog) {
    this.#log = log;
  }

  async list(): Promise<readonly LegalHold[]> {
    return [...(await this.#told()).values()].map(({ hold }) => hold);
  }

  place(given: NewLegalHold, by: Actor): Promise<HoldChange> {
    return this.#inTurn(async () => this.#place(given, by));
  }

  lift(id: string, by: Actor): Promise<HoldChange> {
    return this.#inTurn(async () => this.#lift(id, by));
  }

  async #inTurn(work: () => Promise<HoldChange>): Promise<HoldChange> {
    const change = this.#last.then(work);
    this.#last = change.catch(() => undefined);
    return change;
  }

  async #place(given: NewLegalHold, by: Actor): Promise<HoldChange> {
    checkLegalHold(given);
    const known = (await this.#told()).get(given.id);
    if (known !== undefined) {
      const { hold, position } = known;
      if (
        hold.liftedAt === undefined &&
        hold.from === given.from &&
        hold.to === given.to &&
        hold.reason === given.reason &&
        hold.placedBy === by.id
      )
        return { hold, position, changed: false };
      throw new ConflictError('PLB-4108', `there is a legal hold ${given.id} already`);
    }
    const { id, ...data } = given;
    return this.#change(id, by, { type: 'LegalHoldPlaced', data: { hold: id, ...data } });
  }

  async #lift(id: string, by: Actor): Promise<HoldChange> {
    const known = (await this.#told()).get(id);
    if (known === undefined) throw new NotFoundError('PLB-3154', `there is no legal hold ${id}`);
    return known.hold.liftedAt === undefined
      ? this.#change(id, by, { type: 'LegalHoldLifted', data: { hold: id } })
      : { ...known, changed: false };
  }

  async #change(id: string, by: Actor, event: NewEvent): Promise<HoldChange> {
    await tell(this.#log, 'log-holds', by, [event]);
    const told = (await this.#told()).get(id);
    if (told === undefined) throw new NotFoundError('PLB-3154', `there is no legal hold ${id}`);
    return { ...told, changed: true };
  }

  async #told(): Promise<ReadonlyMap<string, { readonly hold: LegalHold; readonly position: number }>> {
    const told = new Map<string, { readonly hold: LegalHold; readonly position: number }>();
    for (const { type, data, actor, position, recordedAt } of await this.#log.readStream('log-holds')) {
      if (type === 'LegalHoldPlaced') {
        const { hold: id, from, to, reason } = data;
        told.set(id, {
          hold: { id, from, ...(to === undefined ? {} : { to }), reason, placedBy: actor.id, placedAt: recordedAt },
          position,
        });
      } else if (type === 'LegalHoldLifted') {
        const before = told.get(data.hold);
        if (before !== undefined)
          told.set(data.hold, { hold: { ...before.hold, liftedBy: actor.id, liftedAt: recordedAt }, position });
      }
    }
    return told;
  }
}

/**
 * Parked work in memory, for specs: `items` is what is parked, `mended` the keys whose cause was mended, `slow` what
 * never ends in time.
 */
export class MemoryParkedWork implements ParkedWork {
  readonly #log: MemoryEventLog;

  readonly items: ParkedItem[] = [];
  readonly mended = new Set<string>();
  slow = false;

  constructor(log: MemoryEventLog) {
    this.#log = log;
  }

  async list(): Promise<readonly ParkedItem[]> {
    return Promise.resolve([...this.items]);
  }

  async release(key?: string, asked?: AskedWork): Promise<ReleaseReport> {
    if (this.slow) return { released: 0, stillParked: await this.list(), underWay: true };
    if (key !== undefined && !this.items.some((item) => item.key === key))
      return { released: 0, stillParked: await this.list() };
    const released = this.items.filter((item) => this.mended.has(item.key));
    for (const item of released) this.items.splice(this.items.indexOf(item), 1);
    const report = { released: released.length, stillParked: await this.list() };
    if (asked === undefined || released.length === 0) return report;
    const events = released.map(({ consumer, position, key: stream }): NewEvent => ({
      type: 'WorkReleased',
      data: { consumer, position, key: stream },
    }));
    return { ...report, position: await tell(this.#log, 'log-views', asked.by, events) };
  }
}

/** Personal data in memory, for specs: `known` is what persons are known by, `slow` what never ends in time. */
export class MemoryPersonalData implements PersonalData {
  readonly #log: MemoryEventLog;

  readonly known = new Set<string>();
  slow = false;
  readonly #erased = new Map<string, ErasureReport>();

  constructor(log: MemoryEventLog) {
    this.#log = log;
  }

  async erase(knownAs: string, asked: AskedWork): Promise<ErasureReport> {
    const subject = `s${Digest.of(knownAs).slice(7, 31)}`;
    if (!this.known.has(knownAs))
      throw new NotFoundError(
        'PLB-3155',
        'the log has sealed nothing of such a person: give the id of a token, or the e-mail address of commits',
      );
    const before = this.#erased.get(subject);
    if (before !== undefined) return { ...before, outcome: 'AlreadyErased' };
    if (this.slow) return { outcome: 'Pending', subject };
    await tell(this.#log, 'log-persons', asked.by, [{ type: 'PersonErasureRequested', data: { subject } }]);
    const erasedAt = new Date().toISOString();
    const position = await tell(this.#log, 'log-persons', { kind: 'system', id: 'audit', name: 'audit' }, [
      { type: 'PersonErased', data: { subject, erasedAt, events: 1 } },
    ]);
    const report: ErasureReport = { outcome: 'Erased', subject, events: 1, erasedAt, position };
    this.#erased.set(subject, report);
    return report;
  }
}
