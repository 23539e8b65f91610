// SPDX-License-Identifier: Apache-2.0
import { InputError } from '@plumbline/core';
import type { Actor } from '@plumbline/events';
import type { HoldChange, LegalHold } from '../legal-holds.port.js';
import type { AskedWork } from '../parked-work.port.js';
import type * as wire from './generated/plumbline/internal/v1/log.js';
import type * as upkeep from './generated/plumbline/internal/v1/upkeep.js';

function actorToWire({ kind, id, name }: Actor): wire.Actor {
  return { kind, id, name };
}

/** Who acts; the log checks what the message says. @throws InputError PLB-1156 when nobody does */
export function actorFromWire(actor: wire.Actor | undefined): Actor {
  if (actor === undefined) throw new InputError('PLB-1156', 'the request names no actor');
  return actor as Actor;
}

/** Who asks for work, as it travels. */
export function askedToWire({ by, requestId, waitMs }: AskedWork): wire.AskedWork {
  return { by: actorToWire(by), requestId, waitMs: Math.max(0, Math.floor(waitMs)) };
}

/** Who asks for work, and how long the door may let the caller wait: callers come again. @throws InputError PLB-1156 */
export function askedFromWire(asked: wire.AskedWork | undefined, longestWaitMs: number): AskedWork {
  if (asked === undefined) throw new InputError('PLB-1156', 'the request does not say who asks');
  return { by: actorFromWire(asked.by), requestId: asked.requestId, waitMs: Math.min(asked.waitMs, longestWaitMs) };
}

/** The hold as it travels. */
export function holdToWire(hold: LegalHold): upkeep.LegalHold {
  const { id, from, to, reason, placedBy, placedAt, liftedBy, liftedAt } = hold;
  return { id, from, to, reason, placedBy, placedAt, liftedBy, liftedAt };
}

/** The hold that travelled. @throws InputError PLB-1156 */
export function holdFromWire(hold: upkeep.LegalHold | undefined): LegalHold {
  if (hold === undefined) throw new InputError('PLB-1156', 'the answer holds no legal hold');
  const { to, liftedBy, liftedAt, ...rest } = hold;
  return {
    ...rest,
    ...(to === undefined ? {} : { to }),
    ...(liftedBy === undefined ? {} : { liftedBy }),
    ...(liftedAt === undefined ? {} : { liftedAt }),
  };
}

/** What a change came to, as it travelled. @throws InputError PLB-1156 */
export function changeFromWire({ hold, changed, position }: upkeep.PlaceLegalHoldResponse): HoldChange {
  return { hold: holdFromWire(hold), changed, position };
}

/**
 * Asks again with the same request id until the work is done or the time to wait is over: a call waits a second at
 * most, so that it
 * fits into the deadline of any call, and finds the next process that leads.
 */
export async function untilDone<Answer>(
  asked: AskedWork,
  call: (asked: AskedWork) => Promise<Answer>,
  isPending: (answer: Answer) => boolean,
): Promise<Answer> {
  const endMs = performance.now() + asked.waitMs;
  for (;;) {
    const answer = await call({ ...asked, waitMs: Math.max(0, endMs - performance.now()) });
    if (!isPending(answer) || performance.now() >= endMs) return answer;
  }
}
