// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { NotFoundError, uuidv7 } from '@plumbline/core';
import {
  type AskedWork,
  type ErasureReport,
  type HoldChange,
  LEGAL_HOLDS,
  type LegalHold,
  type LegalHolds,
  type NewLegalHold,
  PARKED_WORK,
  type ParkedItem,
  type ParkedWork,
  PERSONAL_DATA,
  type PersonalData,
} from '@plumbline/event-log';
import { actorOf } from '../operations/principal.js';
import type { Principal } from '../state/access-book.js';
import { LOG_ACCESS, type LogAccess } from '../state/log-access.js';

/** A list that has no pages. */
export interface WholeList<Item> {
  readonly items: readonly Item[];
}

/** Answer to a release. */
export interface ReleaseResult {
  readonly outcome: 'Released' | 'StillParked' | 'Pending';
  readonly consumer: string;
  readonly key: string;
  readonly released: number;
  readonly item?: ParkedItem;
  readonly position?: number;
}

/** Answer to a change of a legal hold. */
export interface LegalHoldChange {
  readonly action: 'placed' | 'lifted' | 'unchanged';
  readonly hold: LegalHold;
  readonly position: number;
}

/** What is to be released, and how long to wait for it. */
export interface ReleaseInput {
  readonly consumer: string;
  readonly key: string;
  readonly timeoutMs: number;
}

/**
 * What people do to the log itself, for REST and gRPC alike. The audit service decides and does it, and tells of it
 * in the name of who asked.
 */
@Injectable()
export class LogAdministrationService {
  readonly #parked: ParkedWork;
  readonly #holds: LegalHolds;
  readonly #persons: PersonalData;
  readonly #access: LogAccess;

  constructor(
    @Inject(PARKED_WORK) parked: ParkedWork,
    @Inject(LEGAL_HOLDS) holds: LegalHolds,
    @Inject(PERSONAL_DATA) persons: PersonalData,
    @Inject(LOG_ACCESS) access: LogAccess,
  ) {
    this.#parked = parked;
    this.#holds = holds;
    this.#persons = persons;
    this.#access = access;
  }

  async listParked(): Promise<WholeList<ParkedItem>> {
    return { items: await this.#parked.list() };
  }

  /** @throws NotFoundError PLB-3156 when nothing is parked there. */
  async release(principal: Principal, { consumer, key, timeoutMs }: ReleaseInput): Promise<ReleaseResult> {
    const of = (items: readonly ParkedItem[]): ParkedItem | undefined =>
      items.find((item) => item.consumer === consumer && item.key === key);
    const before = of(await this.#parked.list());
    if (before === undefined)
      throw new NotFoundError('PLB-3156', 'nothing of this consumer and key is parked: see GET /api/v1/log/parked');
    const {
      released,
      stillParked,
      underWay = false,
      position,
    } = await this.#parked.release(key, this.#asked(principal, timeoutMs));
    const told = { consumer, key, released, ...(position === undefined ? {} : { position }) };
    if (underWay) return { ...told, outcome: 'Pending', item: of(stillParked) ?? before };
    const item = of(stillParked);
    return item === undefined ? { ...told, outcome: 'Released' } : { ...told, outcome: 'StillParked', item };
  }

  async listHolds({ lifted }: { readonly lifted: boolean }): Promise<WholeList<LegalHold>> {
    return { items: (await this.#holds.list()).filter(({ liftedAt }) => lifted || liftedAt === undefined) };
  }

  /** @throws ConflictError PLB-4108 when the name is or was that of another hold. */
  async placeHold(principal: Principal, hold: NewLegalHold): Promise<LegalHoldChange> {
    return changeOf('placed', await this.#holds.place(hold, actorOf(principal)));
  }

  /** @throws NotFoundError PLB-3154 */
  async liftHold(principal: Principal, id: string): Promise<LegalHoldChange> {
    return changeOf('lifted', await this.#holds.lift(id, actorOf(principal)));
  }

  /** @throws NotFoundError PLB-3155; ConflictError PLB-4109, PLB-4110 */
  async erase(
    principal: Principal,
    { person, timeoutMs }: { readonly person: string; readonly timeoutMs: number },
  ): Promise<ErasureReport> {
    const endMs = performance.now() + timeoutMs;
    const report = await this.#persons.erase(person, this.#asked(principal, timeoutMs));
    if (report.position === undefined) return report;
    // What was built anew in the database is in the memory of this process too.
    const over = new AbortController();
    const late = delay(Math.max(0, endMs - performance.now()), 'late' as const, { signal: over.signal });
    const told = await Promise.race([this.#access.forgotten(report.position), late]).finally(() => over.abort());
    const { subject, erasedAt } = report;
    return told === 'late' ? { outcome: 'Pending', subject, ...(erasedAt === undefined ? {} : { erasedAt }) } : report;
  }

  #asked(principal: Principal, waitMs: number): AskedWork {
    return { by: actorOf(principal), requestId: uuidv7(this.#access.clock.nowMs()), waitMs };
  }
}

function changeOf(action: 'placed' | 'lifted', { hold, changed, position }: HoldChange): LegalHoldChange {
  return { action: changed ? action : 'unchanged', hold, position };
}
