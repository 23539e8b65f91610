// SPDX-License-Identifier: Apache-2.0
import { UpstreamError, uuidv7 } from '@plumbline/core';
import type { AppendRequest, AppendResult, BodyPage, ReadOptions } from '@plumbline/event-log';
import { MemoryEventLog } from '@plumbline/event-log/testing';
import type { RecordedEvent } from '@plumbline/events';
import { describe, expect, it } from 'vitest';
import type { EventIntake } from './event-range.js';
import { declared, sampleConsumer, startSample } from './testing/sample-consumer.fixture.js';
import { waitUntil } from '@plumbline/testkit';

function request(name: string, note = 'n'): AppendRequest {
  const { stream, event } = declared(name, note);
  return {
    requestId: uuidv7(Date.now()),
    actor: { kind: 'user', id: 'token-1', name: 'Ada' },
    service: 'gateway',
    items: [{ stream, expected: { type: 'any' }, events: [event] }],
  };
}

/** Counts reads, and fails them when told to. */
class CountingLog extends MemoryEventLog {
  reads = 0;
  failing = false;

  override async readBodies(options: ReadOptions): Promise<BodyPage> {
    this.reads += 1;
    if (this.failing) throw new TypeError('the log does not answer');
    return super.readBodies(options);
  }
}

/** A transport that delivers when a spec says so. */
class ManualDelivery {
  intake: EventIntake | undefined;

  attach(intake: EventIntake): () => void {
    this.intake = intake;
    return () => {
      this.intake = undefined;
    };
  }

  deliver(...events: readonly RecordedEvent[]): void {
    const [first] = events;
    const last = events.at(-1);
    if (first !== undefined && last !== undefined)
      this.intake?.offer({ from: first.position, next: last.position + 1, events });
  }
}

async function appended(log: MemoryEventLog, ...names: readonly string[]): Promise<readonly RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for (const name of names) events.push(...(await log.append(request(name))).events);
  return events;
}

describe('an event reactor', () => {
  it('processes what the log has before its start is done', async () => {
    const log = new MemoryEventLog();
    await appended(log, 'a', 'b', 'c');
    await using sample = await startSample({ log });
    expect(sample.notes.folded).toEqual([0, 1, 2]);
    expect(sample.reactor.nextPosition).toBe(3);
    expect(sample.readiness()).toEqual({ ready: true });
  });

  it('is not ready while it processes the log', async () => {
    await using sample = sampleConsumer({ log: new MemoryEventLog() });
    const started = sample.reactor.start();
    expect(sample.readiness()).toMatchObject({
      ready: false,
      detail: expect.stringContaining('processing the log') as unknown,
    });
    await started;
    expect(sample.readiness()).toEqual({ ready: true });
  });

  it('processes deliveries without a read of the log', async () => {
    const [log, live] = [new CountingLog(), new ManualDelivery()];
    await using sample = await startSample({ log, live });
    const events = await appended(log, 'a', 'b');
    const reads = log.reads;
    live.deliver(...events);
    await waitUntil('both events', () => sample.reactor.nextPosition === 2);
    expect(log.reads).toBe(reads);
  });

  it('reads what a delivery leaves out, and ignores what it delivers again', async () => {
    const [log, live] = [new CountingLog(), new ManualDelivery()];
    await using sample = await startSample({ log, live });
    const events = await appended(log, 'a', 'b', 'c');
    live.deliver(...events.slice(2));
    await waitUntil('all events', () => sample.reactor.nextPosition === 3);
    live.deliver(...events);
    live.deliver(...(await appended(log, 'd')));
    await waitUntil('the last one', () => sample.reactor.nextPosition === 4);
    expect(sample.notes.folded).toEqual([0, 1, 2, 3]);
  });

  it('processes its own append at once, with what others appended before it', async () => {
    const log = new MemoryEventLog();
    await using sample = await startSample({ log });
    await appended(log, 'a', 'b');
    const { events, lastPosition } = await sample.reactor.append(request('c'));
    expect(lastPosition).toBe(2);
    expect(events).toEqual([expect.objectContaining({ type: 'ProjectDeclared', position: 2 })]);
    expect(sample.notes.folded).toEqual([0, 1, 2]);
  });

  it('does not append to a stream that is quarantined for it', async () => {
    const log = new MemoryEventLog();
    await using sample = await startSample({ log });
    sample.notes.declared = () => {
      throw new TypeError('a mistake in the fold');
    };
    await sample.reactor.append(request('a'));
    await expect(sample.reactor.append(request('a'))).rejects.toMatchObject({ code: 'PLB-5111', retry: 'after-delay' });
    expect((await log.readStream('project-a')).length).toBe(1);
  });

  it('calls a handler again that says that trying again may help', async () => {
    const log = new MemoryEventLog();
    await using sample = await startSample({ log });
    const fold = sample.notes.declared.bind(sample.notes);
    let calls = 0;
    sample.notes.declared = async (event) => {
      calls += 1;
      if (calls < 3) throw new UpstreamError('PLB-6001', 'the database does not answer');
      await fold(event);
    };
    await sample.reactor.append(request('a'));
    expect([calls, sample.reactor.quarantined]).toEqual([3, []]);
  });

  it('goes on when the log answers again', async () => {
    const log = new CountingLog();
    await using sample = await startSample({ log });
    await appended(log, 'a');
    log.failing = true;
    sample.reactor.checkLog();
    await waitUntil('the report', () => sample.readiness()?.detail?.includes('the log does not answer') ?? false);
    expect(sample.readiness()?.ready).toBe(true);
    log.failing = false;
    await sample.reactor.whenProcessed(0);
    await waitUntil('the report', () => sample.readiness()?.detail === undefined);
  });

  it('reports position and lag', async () => {
    const log = new MemoryEventLog();
    await using sample = await startSample({ log });
    await sample.reactor.append(request('a'));
    expect(await sample.metric('plumbline_reactor_position')).toBe(0);
    expect(await sample.metric('plumbline_reactor_lag_events')).toBe(0);
    expect(await sample.metric('plumbline_reactor_lag_seconds')).toBe(0);
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const fold = sample.notes.declared.bind(sample.notes);
    sample.notes.declared = async (event) => {
      await held;
      await fold(event);
    };
    await appended(log, 'b', 'c');
    sample.reactor.checkLog();
    await waitUntil('the lag', async () => (await sample.metric('plumbline_reactor_lag_events')) === 2);
    await waitUntil('its age', async () => ((await sample.metric('plumbline_reactor_lag_seconds')) ?? 0) > 0);
    release();
    await sample.reactor.whenProcessed(2);
  });

  it('rejects waits when it stops', async () => {
    const sample = await startSample({ log: new MemoryEventLog() });
    const waiting = sample.reactor.whenProcessed(5);
    const rejected = expect(waiting).rejects.toMatchObject({ code: 'PLB-5103' });
    await sample.reactor.stop();
    await rejected;
    expect(sample.readiness()).toMatchObject({ ready: false });
  });

  it('loses nothing when appends, deliveries and reads cross', async () => {
    const [log, live] = [new MemoryEventLog(), new ManualDelivery()];
    await using sample = await startSample({ log, live });
    const results: Promise<AppendResult>[] = [];
    for (let index = 0; index < 200; index += 1) {
      results.push(sample.reactor.append(request(`own${index % 7}`)));
      if (index % 3 === 0) void appended(log, `other${index}`).then((events) => live.deliver(...events));
    }
    await Promise.all(results);
    await sample.reactor.catchUp();
    expect(sample.notes.folded).toEqual(Array.from({ length: await log.head() }, (_, index) => index));
  });
});
