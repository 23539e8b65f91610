// SPDX-License-Identifier: Apache-2.0
import { messageOf, PlumblineError, uuidv7 } from '@plumbline/core';
import type { RecordedEvent } from '@plumbline/events';
import { isolatedDatabase } from '@plumbline/testkit';
import { describeWith } from '@plumbline/testkit/vitest';
import fc from 'fast-check';
import pg from 'pg';
import { expect, it } from 'vitest';
import type { AppendRequest, AppendResult, EventLog, ExpectedRevision } from '@plumbline/event-log';
import { MemoryEventLog, projectDeclared } from '@plumbline/event-log/testing';
import { ledgerTemplate } from '../testing/test-log.js';
import { PostgresEventLog } from './postgres-event-log.js';

const streams = ['project-a', 'project-b', 'project-c'];
const expected: fc.Arbitrary<ExpectedRevision> = fc.oneof(
  fc.constant<ExpectedRevision>({ type: 'any' }),
  fc.constant<ExpectedRevision>({ type: 'noStream' }),
  fc.constant<ExpectedRevision>({ type: 'exists' }),
  fc.nat({ max: 6 }).map((revision): ExpectedRevision => ({ type: 'exact', revision })),
);
const item = fc.record({
  stream: fc.constantFrom(...streams),
  expected,
  notes: fc.array(fc.string({ unit: 'binary', maxLength: 12 }), { minLength: 1, maxLength: 3 }),
});
const command = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      type: fc.constant('append' as const),
      items: fc.array(item, { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('repeat' as const), which: fc.nat({ max: 50 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('burst' as const),
      appends: fc.array(fc.array(item, { minLength: 1, maxLength: 2 }), { minLength: 2, maxLength: 6 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ type: 'killConnections' as const }) },
  { weight: 1, arbitrary: fc.constant({ type: 'takeOver' as const }) },
);

type Items = readonly {
  readonly stream: string;
  readonly expected: ExpectedRevision;
  readonly notes: readonly string[];
}[];

function requestOf(items: Items): AppendRequest {
  return {
    requestId: uuidv7(Date.now()),
    actor: { kind: 'user', id: 'model', name: 'model' },
    service: 'gateway',
    items: items.map((part) => ({
      stream: part.stream,
      expected: part.expected,
      events: part.notes.map((note) => projectDeclared('p', note.toWellFormed())),
    })),
  };
}

function timeless({ recordedAt: _recorded, occurredAt: _occurred, ...event }: RecordedEvent): unknown {
  return event;
}

/** The answer without what two clocks make differ. */
async function outcome(log: EventLog, request: AppendRequest): Promise<unknown> {
  try {
    const { recordedAt: _time, events, ...rest }: AppendResult = await log.append(request);
    return { ...rest, events: events.map(timeless) };
  } catch (error) {
    return error instanceof PlumblineError ? { code: error.code, details: error.details } : messageOf(error);
  }
}

async function contents(log: EventLog): Promise<unknown[]> {
  const found: unknown[] = [];
  for (let from = 0; from < (await log.head());) {
    const page = await log.read({ from, limit: 7 });
    found.push(...page.events.map(timeless));
    from = page.nextPosition;
  }
  return found;
}

describeWith('postgres:embedded18', 'the log on PostgreSQL', () => {
  it(
    'answers as the log in memory does, whatever is appended, repeated, cut off or taken over',
    { timeout: 120_000 },
    async () => {
      // Own server: connections of all its databases are killed.
      await using server = await isolatedDatabase();
      await fc.assert(
        fc.asyncProperty(fc.array(command, { minLength: 5, maxLength: 30 }), async (commands) => {
          await using database = await server.server.createDatabase(ledgerTemplate);
          const open = async (): Promise<PostgresEventLog> =>
            PostgresEventLog.open({ url: database.url, migrate: false, limits: { candidateMs: 5 } });
          const model = new MemoryEventLog();
          let log = await open();
          const sent: AppendRequest[] = [];
          const both = async (request: AppendRequest): Promise<void> =>
            expect(await outcome(log, request)).toEqual(await outcome(model, request));
          try {
            for (const step of commands) {
              if (step.type === 'append') {
                sent.push(requestOf(step.items));
                await both(sent.at(-1) ?? requestOf(step.items));
              } else if (step.type === 'repeat') {
                const again = sent[step.which % Math.max(1, sent.length)];
                if (again !== undefined) await both(again);
              } else if (step.type === 'burst') {
                const requests = step.appends.map(requestOf);
                sent.push(...requests);
                const [real, modelled] = [
                  await Promise.all(requests.map((request) => outcome(log, request))),
                  await Promise.all(requests.map((request) => outcome(model, request))),
                ];
                expect(real).toEqual(modelled);
              } else if (step.type === 'killConnections') {
                const client = new pg.Client({ connectionString: database.url });
                await client.connect();
                await client.query(
                  'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
                );
                await client.end();
              } else {
                const next = await open();
                await log.close();
                log = next;
              }
            }
            // A pool may still hold a connection that was killed; the log itself tries again, its reader has to.
            await log.read({ from: 0, limit: 1 }).catch(() => undefined);
            expect(await contents(log)).toEqual(await contents(model));
          } finally {
            await log.close();
          }
        }),
        { numRuns: 25, endOnFailure: true },
      );
    },
  );
});
