// SPDX-License-Identifier: Apache-2.0
import {
  type Clock,
  ConflictError,
  derivedId,
  messageOf,
  NotFoundError,
  requestTimeMs,
  StreamName,
  UpstreamError,
} from '@plumbline/core';
import type { AskedWork, ErasureReport, PersonalData } from '@plumbline/event-log';
import type { PersonalFields, PostgresEventLog } from '../ledger/index.js';
import type { RecordedEvent } from '@plumbline/events';
import type { Logger } from '@plumbline/platform';
import { LongWork } from './long-work.js';

const STREAM = StreamName.parse('log-persons');
/** As long as a timer can be. */
const FOR_EVER_MS = 2 ** 31 - 1;

type Requested = Extract<RecordedEvent, { readonly type: 'PersonErasureRequested' }>;
type Done = Extract<RecordedEvent, { readonly type: 'PersonErased' }>;

/** What the log says about a subject. */
interface Told {
  /** Asked for, and not done yet. */
  readonly pending?: Requested;
  readonly done?: Done;
}

/** What the erasure of persons needs. */
export interface PersonErasureOptions {
  readonly log: Pick<PostgresEventLog, 'append' | 'readStream' | 'sealedOf' | 'personal' | 'leads'>;
  /** Holds in force that keep one of these positions. */
  readonly holdsOver: (positions: readonly number[]) => Promise<readonly string[]>;
  /** Builds the views anew from what readers may see. */
  readonly rebuild: () => Promise<unknown>;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'error' | 'info'>;
}

function toldOf(events: readonly RecordedEvent[]): ReadonlyMap<string, Told> {
  const told = new Map<string, Told>();
  for (const event of events) {
    if (event.type === 'PersonErasureRequested') told.set(event.data.subject, { pending: event });
    if (event.type === 'PersonErased') told.set(event.data.subject, { done: event });
  }
  return told;
}

/**
 * Erases persons. What is to do follows from the log: a request without its PersonErased is carried out by whoever
 * leads, so a crash at
 * any moment leaves nothing half erased for longer than until the next lead.
 */
export class PersonErasure implements PersonalData {
  readonly #options: PersonErasureOptions;

  readonly #work = new LongWork<ErasureReport>();

  constructor(options: PersonErasureOptions) {
    this.#options = options;
  }

  async erase(knownAs: string, asked: AskedWork): Promise<ErasureReport> {
    if (!this.#options.log.leads)
      throw new UpstreamError('PLB-6002', 'another process leads the log: it alone folds the views', {
        details: { notLeading: true },
      });
    const personal = this.#personal();
    const subject = personal.subjectOf(knownAs);
    const report = await this.#work.outcome(asked, async () => this.#erase(personal, subject, asked));
    return report ?? { outcome: 'Pending', subject, ...(await personal.person(subject)) };
  }

  /** Carries out what was asked for before; to be called when the process begins to lead. Never rejects. */
  async resume(): Promise<void> {
    const { log, logger } = this.#options;
    if (log.personal === undefined) return;
    try {
      for (const { pending } of toldOf(await log.readStream(STREAM)).values())
        if (pending !== undefined) await this.#resume(pending);
    } catch (error) {
      logger.error(
        'a person that is to be erased is not erased yet: repeat the request, or the next process that leads tries again',
        { reason: messageOf(error) },
      );
    }
  }

  async #resume(pending: Requested): Promise<void> {
    const { log, clock } = this.#options;
    const asked = {
      by: pending.actor,
      requestId: derivedId(clock.nowMs(), 'person-resumed', pending.id),
      waitMs: FOR_EVER_MS,
    };
    await this.#work.outcome(asked, async () =>
      reportOf(await this.#carryOut(pending, await log.sealedOf(pending.data.subject)), asked.requestId),
    );
  }

  /** Resolves when no erasure is under way. */
  async settled(): Promise<void> {
    await this.#work.settled();
  }

  #personal(): PersonalFields {
    const { personal } = this.#options.log;
    if (personal !== undefined) return personal;
    throw new ConflictError(
      'PLB-4109',
      'personal data is not sealed in this log, so it cannot be erased: with PLUMBLINE_LOG_PERSONAL_KEY_FILE it is, from then on',
    );
  }

  async #erase(personal: PersonalFields, subject: string, { by, requestId }: AskedWork): Promise<ErasureReport> {
    const { log } = this.#options;
    const person = await personal.person(subject);
    if (person === undefined)
      throw new NotFoundError(
        'PLB-3155',
        'the log has sealed nothing of such a person: give the id of a token, or the e-mail address of commits',
      );
    const told = toldOf(await log.readStream(STREAM)).get(subject);
    if (person.erasedAt !== undefined && told?.done !== undefined) return reportOf(told.done, requestId);
    const positions = await log.sealedOf(subject);
    if (told?.pending === undefined) {
      const holds = await this.#options.holdsOver(positions);
      if (holds.length > 0)
        throw new ConflictError(
          'PLB-4110',
          `events of this person are under the legal hold ${holds.join(', ')}: they must stay readable until it is lifted`,
          { details: { holds } },
        );
      await log.append({
        requestId,
        actor: by,
        service: 'audit',
        items: [
          {
            stream: STREAM,
            expected: { type: 'any' },
            events: [{ type: 'PersonErasureRequested', data: { subject } }],
          },
        ],
      });
    }
    const pending = told?.pending ?? toldOf(await log.readStream(STREAM)).get(subject)?.pending;
    if (pending === undefined)
      throw new UpstreamError('PLB-6008', 'another process has taken over the erasure: ask again');
    return reportOf(await this.#carryOut(pending, positions), requestId);
  }

  async #carryOut(pending: Requested, positions: readonly number[]): Promise<Done> {
    const { log, clock, logger } = this.#options;
    const { subject } = pending.data;
    const erasedAt = await this.#personal().erase(subject);
    // From here on nobody can open what is stored; what was opened before is in the views.
    await this.#options.rebuild();
    const timeMs = requestTimeMs(Date.parse(pending.recordedAt), clock.nowMs());
    await log.append({
      requestId: derivedId(timeMs, 'person-erased', pending.id),
      actor: { kind: 'system', id: 'audit', name: 'audit' },
      service: 'audit',
      causationId: pending.id,
      correlationId: pending.correlationId,
      items: [
        {
          stream: STREAM,
          expected: { type: 'any' },
          events: [{ type: 'PersonErased', data: { subject, erasedAt, events: positions.length } }],
        },
      ],
    });
    const done = toldOf(await log.readStream(STREAM)).get(subject)?.done;
    if (done === undefined)
      throw new UpstreamError('PLB-6008', 'another process has taken over the erasure: ask again');
    logger.info('a person was erased', { subject, events: positions.length });
    return done;
  }
}

/** The request is known by the correlation id: that of the request which was carried out. */
function reportOf({ data, position, correlationId }: Done, requestId: string): ErasureReport {
  return {
    outcome: correlationId === requestId ? 'Erased' : 'AlreadyErased',
    subject: data.subject,
    events: data.events,
    erasedAt: data.erasedAt,
    position,
  };
}
