// SPDX-License-Identifier: Apache-2.0
import type { LegalHolds, PersonalData } from '@plumbline/event-log';
import { actorFromWire, askedFromWire, holdToWire } from '@plumbline/event-log/client';
import type { LogUpkeepServer } from '@plumbline/event-log/client';
import type { UnaryMaker } from './tree-handlers.js';

/** How long one call waits for long work: callers ask again, whoever leads by then. */
export const LONGEST_WAIT_MS = 1_000;

/** What people do to the log itself, at the door. */
export function upkeepHandlers({ holds, persons }: { readonly holds: LegalHolds; readonly persons: PersonalData }, unary: UnaryMaker): LogUpkeepServer {
  return {
    listLegalHolds: unary(async () => ({ holds: (await holds.list()).map(holdToWire) })),
    placeLegalHold: unary(async ({ id, from, to, reason, by }) => {
      const { hold, changed, position } = await holds.place({ id, from, reason, ...(to === undefined ? {} : { to }) }, actorFromWire(by));
      return { hold: holdToWire(hold), changed, position };
    }),
    liftLegalHold: unary(async ({ id, by }) => {
      const { hold, changed, position } = await holds.lift(id, actorFromWire(by));
      return { hold: holdToWire(hold), changed, position };
    }),
    erasePerson: unary(async ({ knownAs, asked }) => {
      const { outcome, subject, events, erasedAt, position } = await persons.erase(knownAs, askedFromWire(asked, LONGEST_WAIT_MS));
      return { outcome, subject, events, erasedAt, position };
    }),
  };
}
