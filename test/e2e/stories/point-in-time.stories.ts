// SPDX-License-Identifier: Apache-2.0
import type { MomentQuery } from '@plumbline/api-client';
import { microsOf } from '@plumbline/event-log';
import type { RecordedEvent } from '@plumbline/events';
import { expect, it } from 'vitest';
import { applicationResource, sampleFiles } from '../fixture/samples.js';
import type { TestEnvironment } from '../fixture/test-environment.js';

const positions = (events: readonly RecordedEvent[]): readonly number[] => events.map(({ position }) => position);
const micros = (time: string): number => microsOf(time) ?? 0;

/** What the log said then, from the database that it is kept in. */
export function pointInTimeStories(fixture: () => TestEnvironment): void {
  it('events and the audit search say of a position or a time what the log had then, page by page, while the log goes on', async () => {
    const {
      topology: { client, observer },
      repository,
      apply,
      healthy,
    } = fixture();
    await repository('searched', sampleFiles('deploy', 'searched', { greeting: 'one' }));
    const head = (await client.events()).head;
    await apply(applicationResource('searched', { repository: 'searched', path: 'deploy', namespace: 'searched' }));
    await healthy('searched', { version: 1 });
    const events = [...observer.events];
    const until = (position: number): readonly RecordedEvent[] => events.slice(0, position + 1);
    const middle = events[Math.floor((head + events.length - 1) / 2)];
    const time = middle?.recordedAt ?? '';
    const last = events.length - 1;
    const moments: readonly (readonly [MomentQuery, readonly RecordedEvent[]])[] = [
      [{ asOf: head }, until(head)],
      [{ asOf: middle?.position ?? 0 }, until(middle?.position ?? 0)],
      [{ knownAt: time }, events.filter(({ recordedAt }) => recordedAt <= time)],
      [{ asOf: time, knownAt: last }, events.filter(({ occurredAt }) => micros(occurredAt) <= micros(time))],
      [{ asOf: -1 }, []],
    ];
    for (const [moment, wanted] of moments) {
      const said = JSON.stringify(moment);
      const tail = positions(wanted).slice(-40);
      const found: RecordedEvent[] = [];
      for (let after = (tail[0] ?? 0) - 1, more = true; more;) {
        const page = await client.events({ ...moment, after, limit: 7 });
        found.push(...page.events);
        more = page.after < page.head;
        ({ after } = page);
      }
      expect(positions(found), said).toEqual(tail);
      for (const order of ['asc', 'desc'] as const) {
        const audited: RecordedEvent[] = [];
        for (let cursor: string | undefined, more = true; more && audited.length < 21; more = cursor !== undefined) {
          const page = await client.audit({ ...moment, order, limit: 7, ...(cursor === undefined ? {} : { cursor }) });
          audited.push(...page.events);
          ({ cursor } = page);
          // Something happens between the pages.
          await client.refresh('searched');
        }
        expect(positions(audited), `${said} ${order}`).toEqual(
          positions(order === 'asc' ? wanted : wanted.toReversed()).slice(0, 21),
        );
      }
    }
    const ofApplication = until(last).filter(
      ({ data }) => 'application' in data && data.application === 'default/searched',
    );
    expect(
      positions((await client.audit({ application: 'searched', asOf: last, order: 'asc', limit: 500 })).events),
    ).toEqual(positions(ofApplication));
  });
}
