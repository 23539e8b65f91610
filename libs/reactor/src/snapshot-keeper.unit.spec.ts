// SPDX-License-Identifier: Apache-2.0
import { appendFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { uuidv7 } from '@plumbline/core';
import type { BodyPage, ReadOptions } from '@plumbline/event-log';
import { MemoryEventLog } from '@plumbline/event-log/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { declared, type SampleOptions, startSample } from './testing/sample-consumer.fixture.js';
import { waitUntil } from '@plumbline/testkit';
import { FileSnapshotStore } from './snapshots/file-snapshot-store.js';
import { decodeSnapshot, encodeSnapshot } from './snapshots/snapshot-format.js';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'snapshots-'));
});
afterEach(async () => rm(directory, { recursive: true, force: true }));

class CountingLog extends MemoryEventLog {
  readonly positionsRead: number[] = [];

  override async readBodies(options: ReadOptions): Promise<BodyPage> {
    const page = await super.readBodies(options);
    this.positionsRead.push(...page.bodies.map(({ position }) => position));
    return page;
  }
}

async function append(log: MemoryEventLog, count: number, from = 0): Promise<void> {
  for (let index = from; index < from + count; index += 1) {
    const { stream, event } = declared(`p${index % 20}`, `note ${index}`);
    await log.append({
      requestId: uuidv7(Date.now()),
      actor: { kind: 'user', id: 'token-1', name: 'Ada' },
      service: 'gateway',
      items: [{ stream, expected: { type: 'any' }, events: [event] }],
    });
  }
}

const file = (): string => path.join(directory, 'sample.snapshot');
const start = async (log: MemoryEventLog, options: Partial<SampleOptions> = {}) =>
  startSample({ log, store: new FileSnapshotStore(directory), ...options });

/** A log of 50 events and a snapshot of it. */
async function snapshotted(): Promise<CountingLog> {
  const log = new CountingLog();
  await append(log, 50);
  const sample = await start(log);
  await sample.reactor.stop();
  log.positionsRead.length = 0;
  return log;
}

describe('a snapshot', () => {
  it('is written at the stop, for the owner only, and leaves nothing else', async () => {
    await snapshotted();
    expect((await stat(file())).mode & 0o777).toBe(0o600);
    expect(await readdir(directory)).toEqual(['sample.snapshot']);
  });

  it('makes the next start read only what follows', async () => {
    const log = await snapshotted();
    await append(log, 5, 50);
    log.positionsRead.length = 0;
    await using sample = await start(log);
    expect(sample.notes.folded).toEqual([50, 51, 52, 53, 54]);
    // The last event of the snapshot is read too: it shows that the snapshot is of this log.
    expect(log.positionsRead).toEqual([49, 50, 51, 52, 53, 54]);
    expect(sample.notes.notes.get('p0')).toEqual({ note: 'note 40', count: 3 });
  });

  it.each([
    ['another build', { snapshots: { code: 'code-2' } }],
    ['other schemas', { snapshots: { schema: 'schema-2' } }],
  ])('of %s is ignored with a warning', async (_what, options) => {
    const log = await snapshotted();
    const warnings: unknown[] = [];
    await using sample = await start(log, {
      ...options,
      onLog: (level, message, fields) => level === 'warn' && warnings.push([message, fields]),
    });
    expect(warnings).toHaveLength(1);
    expect(sample.notes.folded).toHaveLength(50);
  });

  it.each([
    ['cut short', async () => writeFile(file(), (await readFile(file())).subarray(0, -40))],
    ['with more behind it', async () => appendFile(file(), 'x')],
    ['of other bytes', async () => writeFile(file(), 'something else')],
    ['empty', async () => writeFile(file(), '')],
  ])('%s is ignored with a warning', async (_what, damage) => {
    const log = await snapshotted();
    await damage();
    const warnings: unknown[] = [];
    await using sample = await start(log, { onLog: (level, message) => level === 'warn' && warnings.push(message) });
    expect(warnings).toHaveLength(1);
    expect(sample.notes.folded).toHaveLength(50);
  });

  it.each([
    ['has as many events', 50],
    ['is shorter', 10],
  ])('of another log that %s is ignored', async (_what, count) => {
    await snapshotted();
    const other = new MemoryEventLog();
    await append(other, count, 100);
    await using sample = await start(other);
    expect(sample.notes.folded).toHaveLength(count);
  });

  it('that cannot be restored leaves the fold empty', async () => {
    const log = await snapshotted();
    const chunks = encodeSnapshot(decodeSnapshot(await readFile(file())).header, { notes: [['p0'], 7] });
    await new FileSnapshotStore(directory).write('sample', chunks);
    await using sample = await start(log);
    expect(sample.notes.folded).toHaveLength(50);
    expect(sample.notes.notes.get('p0')?.count).toBe(3);
  });

  it('is written while events are processed', async () => {
    const log = new MemoryEventLog();
    await using sample = await start(log, { snapshots: { everyEvents: 10, everyMs: 0 } });
    await append(log, 30);
    await sample.reactor.catchUp();
    await waitUntil('a snapshot', async () => (await readdir(directory)).includes('sample.snapshot'));
  });

  it('that cannot be written does not keep the consumer from working', async () => {
    const log = new MemoryEventLog();
    await writeFile(path.join(directory, 'a-file'), '');
    const store = new FileSnapshotStore(path.join(directory, 'a-file'));
    const sample = await startSample({ log, store, snapshots: { everyEvents: 1, everyMs: 0 } });
    await append(log, 3);
    await sample.reactor.catchUp();
    expect(sample.notes.folded).toHaveLength(3);
    await sample.reactor.stop();
  });

  describe('when a person was erased', () => {
    const erase = async (log: MemoryEventLog): Promise<void> => {
      await log.append({
        requestId: uuidv7(Date.now()),
        actor: { kind: 'system', id: 'audit', name: 'audit' },
        service: 'audit',
        items: [
          {
            stream: 'log-persons',
            expected: { type: 'any' },
            events: [
              { type: 'PersonErased', data: { subject: 's1', erasedAt: '2026-11-20T09:30:00.000Z', events: 1 } },
            ],
          },
        ],
      });
    };

    it('is removed, and none is written before the next start', async () => {
      const log = await snapshotted();
      const sample = await start(log);
      await erase(log);
      await sample.reactor.catchUp();
      expect(await readdir(directory)).toEqual([]);
      await sample.reactor.stop();
      expect(await readdir(directory)).toEqual([]);
    });

    it('is not used by a start after it: the whole log is processed, and the new snapshot is kept', async () => {
      const log = await snapshotted();
      await erase(log);
      const sample = await start(log);
      expect(sample.notes.folded).toHaveLength(50);
      expect(sample.notes.notes.get('p0')?.count).toBe(3);
      await sample.reactor.stop();
      const next = await start(log);
      expect(next.notes.folded).toEqual([]);
      await next.reactor.stop();
    });
  });

  it('of a large state is read in less than two seconds', async () => {
    const documents = Array.from({ length: 40_000 }, (_, index) => [
      `project/app-${index}`,
      { text: 'x'.repeat(900), index },
    ]);
    const header = { consumer: 'sample', code: 'c', schema: 's', next: 1, quarantined: [] };
    const store = new FileSnapshotStore(directory);
    await store.write('sample', encodeSnapshot(header, { views: { documents: { application: documents } }, other: 7 }));
    const bytes = await store.read('sample');
    const began = performance.now();
    const { state } = decodeSnapshot(bytes ?? Buffer.alloc(0));
    expect(performance.now() - began).toBeLessThan(2_000); // time is what this tests
    expect(state).toEqual({ views: { documents: { application: documents } }, other: 7 });
  });
});
