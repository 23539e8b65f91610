// SPDX-License-Identifier: Apache-2.0
import { InputError } from '@plumbline/core';
import type { DeliveryCursors, LegalHolds, PersonalData, WorkLease, WorkLeases } from '@plumbline/event-log';
import { actorFromWire, askedFromWire, holdToWire, type LogUpkeepServer } from '@plumbline/event-log/client';
import type { UnaryMaker } from './tree-handlers.js';

/** How long one call waits for long work: callers repeat it, and find the leader of that time. */
export const LONGEST_WAIT_MS = 1_000;

/** The ports behind the handlers. */
export interface AdministrationPorts {
  readonly holds: LegalHolds;
  readonly persons: PersonalData;
  readonly leases: WorkLeases;
  readonly cursors: DeliveryCursors;
}

/** @throws InputError PLB-1156 */
function leaseFromWire(lease: WorkLease | undefined): WorkLease {
  if (lease === undefined) throw new InputError('PLB-1156', 'the request names no lease');
  return lease;
}

/** Log administration, leases and delivery cursors over gRPC. */
export function administrationHandlers(
  { holds, persons, leases, cursors }: AdministrationPorts,
  unary: UnaryMaker,
): LogUpkeepServer {
  return {
    listLegalHolds: unary(async () => ({ holds: (await holds.list()).map(holdToWire) })),
    placeLegalHold: unary(async ({ id, from, to, reason, by }) => {
      const { hold, changed, position } = await holds.place(
        { id, from, reason, ...(to === undefined ? {} : { to }) },
        actorFromWire(by),
      );
      return { hold: holdToWire(hold), changed, position };
    }),
    liftLegalHold: unary(async ({ id, by }) => {
      const { hold, changed, position } = await holds.lift(id, actorFromWire(by));
      return { hold: holdToWire(hold), changed, position };
    }),
    erasePerson: unary(async ({ knownAs, asked }) => {
      const { outcome, subject, events, erasedAt, position } = await persons.erase(
        knownAs,
        askedFromWire(asked, LONGEST_WAIT_MS),
      );
      return { outcome, subject, events, erasedAt, position };
    }),
    acquireWork: unary(async (request) => ({ lease: await leases.acquire(request) })),
    releaseWork: unary(async ({ lease }) => {
      await leases.release(leaseFromWire(lease));
      return {};
    }),
    listDeliveryCursors: unary(async () => ({ cursors: [...(await cursors.list())] })),
    advanceDeliveryCursor: unary(async ({ lease, ...progress }) => ({
      advanced: await cursors.advance(progress, leaseFromWire(lease)),
    })),
    removeDeliveryCursor: unary(async ({ subscription, lease }) => {
      await cursors.remove(subscription, leaseFromWire(lease));
      return {};
    }),
  };
}
