// SPDX-License-Identifier: Apache-2.0
import { InputError } from '@plumbline/core';
import type { LegalHolds, PersonalData, WorkLeases } from '@plumbline/event-log';
import { actorFromWire, askedFromWire, holdToWire, type LogUpkeepServer } from '@plumbline/event-log/client';
import type { UnaryMaker } from './tree-handlers.js';

/** How long one call waits for long work: callers ask again, whoever leads by then. */
export const LONGEST_WAIT_MS = 1_000;

/** What is behind the handlers. */
export interface AdministrationPorts {
  readonly holds: LegalHolds;
  readonly persons: PersonalData;
  readonly leases: WorkLeases;
}

const WORK = /^[a-z][a-z-]{0,62}$/;
const LONGEST_LEASE_MS = 3_600_000;

function checkLease({ work, ttlMs }: { readonly work: string; readonly ttlMs: number }): void {
  if (!WORK.test(work) || ttlMs < 1 || ttlMs > LONGEST_LEASE_MS)
    throw new InputError(
      'PLB-1158',
      `"${work.slice(0, 64)}" for ${ttlMs} ms is no work that can be kept: a name of lower case letters and 1 ms to an hour`,
    );
}

/** What people do to the log itself, and what services tell each other through it, at the door. */
export function administrationHandlers(
  { holds, persons, leases }: AdministrationPorts,
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
    keepWork: unary(async (request) => {
      checkLease(request);
      await leases.keep(request.work, request.ttlMs);
      return {};
    }),
    isWorkVacant: unary(async (request) => {
      checkLease(request);
      return { vacant: await leases.isVacant(request.work, request.ttlMs) };
    }),
  };
}
