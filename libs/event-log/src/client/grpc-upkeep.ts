// SPDX-License-Identifier: Apache-2.0
import { InputError } from '@plumbline/core';
import type { Actor } from '@plumbline/events';
import type { HoldChange, LegalHold, LegalHolds, NewLegalHold } from '../legal-holds.port.js';
import type { AskedWork } from '../parked-work.port.js';
import type { ErasureReport, PersonalData } from '../personal-data.port.js';
import type { DeliveryCursor, DeliveryCursors, DeliveryProgress } from '../delivery-cursors.port.js';
import type { LeaseRequest, WorkLease, WorkLeases } from '../work-leases.port.js';
import type { ErasePersonResponse } from './generated/plumbline/internal/v1/upkeep.js';
import type { LogChannel } from './log-channel.js';
import { askedToWire, changeFromWire, holdFromWire, untilDone } from './upkeep-wire.js';

/** The legal holds of the log of another process, over its gRPC endpoint. */
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

/** The personal data in the log of another process, over its gRPC endpoint. */
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

/** The leases of the log of another process, over its gRPC endpoint. */
export class GrpcWorkLeases implements WorkLeases {
  readonly #channel: LogChannel;

  constructor(channel: LogChannel) {
    this.#channel = channel;
  }

  async acquire({ work, holder, ttlMs }: LeaseRequest): Promise<WorkLease | undefined> {
    const { upkeep } = this.#channel;
    return (await this.#channel.unary(upkeep.acquireWork.bind(upkeep), { work, holder, ttlMs })).lease;
  }

  async release(lease: WorkLease): Promise<void> {
    const { upkeep } = this.#channel;
    await this.#channel.unary(upkeep.releaseWork.bind(upkeep), { lease: { ...lease } });
  }
}

/** The delivery cursors next to the log of another process, over its gRPC endpoint. */
export class GrpcDeliveryCursors implements DeliveryCursors {
  readonly #channel: LogChannel;

  constructor(channel: LogChannel) {
    this.#channel = channel;
  }

  async list(): Promise<readonly DeliveryCursor[]> {
    const { upkeep } = this.#channel;
    return (await this.#channel.unary(upkeep.listDeliveryCursors.bind(upkeep), {})).cursors;
  }

  async advance(progress: DeliveryProgress, lease: WorkLease): Promise<boolean> {
    const { upkeep } = this.#channel;
    const request = { ...progress, lease: { ...lease } };
    return (await this.#channel.unary(upkeep.advanceDeliveryCursor.bind(upkeep), request)).advanced;
  }

  async remove(subscription: string, lease: WorkLease): Promise<void> {
    const { upkeep } = this.#channel;
    await this.#channel.unary(upkeep.removeDeliveryCursor.bind(upkeep), { subscription, lease: { ...lease } });
  }
}
