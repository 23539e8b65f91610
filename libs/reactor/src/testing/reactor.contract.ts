// SPDX-License-Identifier: Apache-2.0
import { uuidv7 } from '@plumbline/core';
import type { EventLog } from '@plumbline/event-log';
import type { EventOf, EventType, NewEvent, RecordedEvent } from '@plumbline/events';
import { addSchemaVersion } from '@plumbline/events/testing';
import { MemoryEventLog } from '@plumbline/event-log/testing';
import { describe, expect, it } from 'vitest';
import { QUARANTINE_STREAM } from '../announcements.js';
import type { EventReactor } from '../event-reactor.js';
import { type Alteration, AlterableLog } from './alterable-log.js';
import { waitUntil } from '@plumbline/testkit';

/** A running service whose reactor reads the log that the contract gives. */
export interface ReactorSubject extends AsyncDisposable {
  readonly reactor: EventReactor;
  /** State and detail that the service reports for the consumer. */
  readiness(): { readonly ready: boolean; readonly detail?: string } | undefined;
  /** Value of a metric of the service for the consumer, by its OpenTelemetry name. */
  metric(name: string): Promise<number | undefined>;
}

/** What the contract needs to know of a service. */
export interface ReactorSetup {
  /**
   * Starts the service on a log; resolves when its reactor has caught up. What a service before it left on disk is
   * there again.
   */
  start(log: EventLog): Promise<ReactorSubject>;
  /**
   * An event that the consumer handles, about thing number `index`: each on a stream of its own, the same one every
   * time.
   */
  event(index: number, note: string): { readonly stream: string; readonly event: NewEvent };
  /** Resolves when the service has visibly worked on thing number `index`: appended an event about it, for example. */
  worked(index: number, subject: ReactorSubject, log: EventLog): Promise<unknown>;
}

const poisoned = 'poisoned';

interface Fault {
  readonly what: string;
  readonly alter: Alteration;
  /** Gives the build of the service the mistake; the returned function takes it back when the test is over. */
  readonly install?: (type: EventType) => () => void;
}

const faults: readonly Fault[] = [
  { what: 'an event that its handler throws for', alter: (event) => ({ ...event, data: null }) },
  { what: 'an event whose envelope cannot be decoded', alter: ({ actor: _, ...event }) => event },
  { what: 'an event of a newer schema', alter: (event) => ({ ...event, schemaVersion: 99 }) },
  {
    what: 'an event that its upcaster throws for',
    alter: (event) => ({ ...event, schemaVersion: 1, data: { [poisoned]: true } }),
    install: (type) =>
      addSchemaVersion(type, (data) => {
        if (Object.hasOwn(data as object, poisoned)) throw new TypeError('the upcaster cannot read this');
        return data;
      }),
  },
];

/** Appends one event as the gateway. */
async function append(log: EventLog, stream: string, event: NewEvent): Promise<RecordedEvent> {
  const { events } = await log.append({
    requestId: uuidv7(Date.now()),
    actor: { kind: 'user', id: 'token-1', name: 'Ada' },
    service: 'gateway',
    items: [{ stream, expected: { type: 'any' }, events: [event] }],
  });
  const [recorded] = events;
  if (recorded === undefined) throw new TypeError('the log returned no event');
  return recorded;
}

async function announced<Type extends 'StreamQuarantined' | 'StreamRecovered'>(
  log: EventLog,
  type: Type,
): Promise<readonly EventOf<Type>['data'][]> {
  const events = await log.readStream(QUARANTINE_STREAM);
  return events.filter((event) => event.type === type).map((event) => event.data as EventOf<Type>['data']);
}

interface Poisoned extends AsyncDisposable {
  readonly log: EventLog;
  readonly subject: ReactorSubject;
  /** Position of the event with the fault. */
  readonly position: number;
  readonly stream: string;
  /** Takes the fault away. */
  fix(): void;
  restart(): Promise<ReactorSubject>;
}

/** A service that has met a fault on the stream of thing 1, with a later event of the stream behind it. */
async function meet(setup: ReactorSetup, { alter, install }: Fault): Promise<Poisoned> {
  const memory = new MemoryEventLog();
  const log = new AlterableLog(memory);
  let subject = await setup.start(log);
  const { stream, event } = setup.event(1, 'first');
  const uninstall = install?.(event.type) ?? (() => undefined);
  const restore = log.alter((candidate) =>
    candidate['stream'] === stream && candidate['revision'] === 0 ? alter(candidate) : undefined,
  );
  const { position } = await append(memory, stream, event);
  const later = await append(memory, stream, setup.event(1, 'later').event);
  subject.reactor.checkLog();
  await subject.reactor.whenProcessed(later.position, { timeoutMs: 60_000 });
  return {
    log: memory,
    get subject() {
      return subject;
    },
    position,
    stream,
    // The step of the upcaster works on the event as it was appended.
    fix: restore,
    restart: async () => {
      await subject[Symbol.asyncDispose]();
      subject = await setup.start(log);
      return subject;
    },
    [Symbol.asyncDispose]: async () => {
      await subject[Symbol.asyncDispose]();
      uninstall();
    },
  };
}

/** What a service must do when it cannot process an event. Each service runs it. */
export function reactorContract(name: string, setup: ReactorSetup): void {
  describe(`reactor of ${name}`, () => {
    describe.each(faults.map((fault) => [fault.what, fault] as const))('%s', (_what, fault) => {
      it('quarantines its stream, and says so in readiness, a metric and the log', async () => {
        await using met = await meet(setup, fault);
        const { subject, stream, position } = met;
        expect(subject.reactor.quarantined).toEqual([expect.objectContaining({ stream, position, waiting: 1 })]);
        expect(subject.readiness()).toEqual(
          expect.objectContaining({ ready: true, detail: expect.stringContaining(stream) as unknown }),
        );
        expect(await subject.metric('plumbline_reactor_quarantined_streams')).toBe(1);
        await waitUntil('the announcement', async () => (await announced(met.log, 'StreamQuarantined')).length > 0);
        expect(await announced(met.log, 'StreamQuarantined')).toEqual([
          expect.objectContaining({ consumer: subject.reactor.consumer, stream, position }),
        ]);
      });

      it('lets everything else go on', async () => {
        await using met = await meet(setup, fault);
        const { stream, event } = setup.event(2, 'first');
        await append(met.log, stream, event);
        met.subject.reactor.checkLog();
        await setup.worked(2, met.subject, met.log);
        expect(met.subject.reactor.quarantined).toHaveLength(1);
      });

      it('is processed, with what waited behind it, when a retry is requested after the fix', async () => {
        await using met = await meet(setup, fault);
        await waitUntil('the announcement', async () => (await announced(met.log, 'StreamQuarantined')).length > 0);
        met.fix();
        await append(met.log, QUARANTINE_STREAM, {
          type: 'StreamRetryRequested',
          data: { consumer: met.subject.reactor.consumer, stream: met.stream },
        });
        met.subject.reactor.checkLog();
        await waitUntil(
          'the record of the recovery',
          async () => (await announced(met.log, 'StreamRecovered')).length > 0,
        );
        expect(met.subject.reactor.quarantined).toEqual([]);
        expect(met.subject.readiness()?.detail).toBeUndefined();
        expect(await met.subject.metric('plumbline_reactor_quarantined_streams')).toBe(0);
        await setup.worked(1, met.subject, met.log);
      });

      it('stays quarantined over a restart, and is announced once', async () => {
        await using met = await meet(setup, fault);
        await waitUntil('the announcement', async () => (await announced(met.log, 'StreamQuarantined')).length > 0);
        const subject = await met.restart();
        expect(subject.reactor.quarantined).toEqual([expect.objectContaining({ stream: met.stream })]);
        const { stream, event } = setup.event(2, 'first');
        await append(met.log, stream, event);
        subject.reactor.checkLog();
        await setup.worked(2, subject, met.log);
        expect(await announced(met.log, 'StreamQuarantined')).toHaveLength(1);
      });
    });

    it('announces a retry without a fix as quarantined again', async () => {
      const [fault] = faults;
      if (fault === undefined) throw new TypeError('there is no fault');
      await using met = await meet(setup, fault);
      await waitUntil('the announcement', async () => (await announced(met.log, 'StreamQuarantined')).length > 0);
      await append(met.log, QUARANTINE_STREAM, { type: 'StreamRetryRequested', data: {} });
      met.subject.reactor.checkLog();
      await waitUntil('the second one', async () => (await announced(met.log, 'StreamQuarantined')).length > 1);
      expect(met.subject.reactor.quarantined).toEqual([expect.objectContaining({ stream: met.stream, attempts: 2 })]);
    });

    it('ignores events of types that this build does not know', async () => {
      const [, , newer] = faults;
      if (newer === undefined) throw new TypeError('there is no fault');
      await using met = await meet(setup, {
        ...newer,
        alter: (event) => ({ ...event, type: 'SomethingOfALaterVersion', schemaVersion: 1 }),
      });
      expect(met.subject.reactor.quarantined).toEqual([]);
    });

    it('rejects a wait that takes too long, with the consumer, its position and the one that is missing', async () => {
      const log = new MemoryEventLog();
      await using subject = await setup.start(log);
      const { consumer, nextPosition } = subject.reactor;
      const wanted = nextPosition + 1_000;
      const waiting = subject.reactor.whenProcessed(wanted, { timeoutMs: 50 }); // time is what this tests
      await expect(waiting).rejects.toMatchObject({
        code: 'PLB-5110',
        details: { consumer, wanted, quarantined: [] },
      });
    });
  });
}
