// SPDX-License-Identifier: Apache-2.0
import { InputError } from '@plumbline/core';
import type { Actor } from '@plumbline/events';
import type { HoldChange, LegalHold, LegalHolds, NewLegalHold } from '../legal-holds.port.js';
import type { AskedWork } from '../parked-work.port.js';
import type { ErasureReport, PersonalData } from '../personal-data.port.js';
import type { WorkLeases } from '../work-leases.port.js';
import type { ErasePersonResponse } from './generated/plumbline/internal/v1/upkeep.js';
import type { LogChannel } from './log-channel.js';
import { askedToWire, changeFromWire, holdFromWire, untilDone } from './upkeep-wire.js';

/** The legal holds of the log of another process, over its gRPC door. */
export class GrpcLegalHolds implements LegalHolds {
  readonly #channel: LogChannel;

  constructor(channel: LogChannel) {
    this.#channel = channel;
  }

  async list(): Promise<readonly LegalHold[]> {
    const { upkeep } = this.#channel;
    return (await this.#channel.unary(upkeep.listLegalHolds.bind(upkeep), {})).holds.map(holdFromWire);
  }

  async place({ id, from, to, reason }: NewLegalHold, by: Actor): Promise<HoldChange> {
    const { upkeep } = this.#channel;
    return changeFromWire(
      await this.#channel.unary(upkeep.placeLegalHold.bind(upkeep), { id, from, to, reason, by: { ...by } }),
    );
  }

  async lift(id: string, by: Actor): Promise<HoldChange> {
    const { upkeep } = this.#channel;
    return changeFromWire(await this.#channel.unary(upkeep.liftLegalHold.bind(upkeep), { id, by: { ...by } }));
  }
}

const OUTCOMES: readonly ErasureReport['outcome'][] = ['Erased', 'AlreadyErased', 'Pending'];

function reportFromWire({ outcome: given, subject, events, erasedAt, position }: ErasePersonResponse): ErasureReport {
  const outcome = OUTCOMES.find((known) => known === given);
  if (outcome === undefined)
    throw new InputError('PLB-1156', `the answer has the outcome "${given}", which this build does not know`);
  return {
    outcome,
    subject,
    ...(events === undefined ? {} : { events }),
    ...(erasedAt === undefined ? {} : { erasedAt }),
    ...(position === undefined ? {} : { position }),
  };
}

/** The personal data in the log of another process, over its gRPC door. */
export class GrpcPersonalData implements PersonalData {
  readonly #channel: LogChannel;

  constructor(channel: LogChannel) {
    this.#channel = channel;
  }

  async erase(knownAs: string, asked: AskedWork): Promise<ErasureReport> {
    const { upkeep } = this.#channel;
    const call = async (now: AskedWork): Promise<ErasureReport> =>
      reportFromWire(await this.#channel.unary(upkeep.erasePerson.bind(upkeep), { knownAs, asked: askedToWire(now) }));
    return untilDone(asked, call, ({ outcome }) => outcome === 'Pending');
  }
}

/** The leases of the process that leads the log, over its gRPC door. */
export class GrpcWorkLeases implements WorkLeases {
  readonly #channel: LogChannel;

  constructor(channel: LogChannel) {
    this.#channel = channel;
  }

  async keep(work: string, ttlMs: number): Promise<void> {
    const { upkeep } = this.#channel;
    await this.#channel.unary(upkeep.keepWork.bind(upkeep), { work, ttlMs });
  }

  async isVacant(work: string, ttlMs: number): Promise<boolean> {
    const { upkeep } = this.#channel;
    return (await this.#channel.unary(upkeep.isWorkVacant.bind(upkeep), { work, ttlMs })).vacant;
  }
}
