// SPDX-License-Identifier: Apache-2.0
import { type EventFilter, type RecordedEvent, wanted } from '@plumbline/events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventAt } from '../testing/index.js';
import { facetHeaders, mayHold } from './facet-headers.js';

interface Facts {
  readonly type: string;
  readonly application: string;
  readonly environment: string;
  readonly cluster: string;
  readonly actor: string;
}

/** An event of a type that this build does not know: any value may be in it. */
function eventOf({ type, application, environment, cluster, actor }: Facts): RecordedEvent {
  return {
    ...eventAt(0),
    actor: { kind: 'user', id: actor, name: `name of ${actor}` },
    type: 'Unknown',
    data: { originalType: type, raw: { application, environment, cluster } },
  };
}

const odd = fc.constantFrom('a', 'b', 'web', 'default/web', '-', '*', 'a,b', 'ä', 'x y', '%2D', 'a%2Cb', 'line\nbreak');
const facts = fc.record({ type: odd, application: odd, environment: odd, cluster: odd, actor: odd });
const some = fc.option(odd, { nil: undefined });
const filters = fc.record({
  types: fc.option(fc.array(odd, { minLength: 1, maxLength: 2 }), { nil: undefined }),
  application: some,
  project: some,
  environment: some,
  cluster: some,
  actor: some,
});
const reader =
  (headers: Readonly<Record<string, string>>) =>
  (name: string): string | undefined =>
    headers[name];

describe('headers of what a message is about', () => {
  it('never leave out a message that has a wanted event, whatever the names are', () => {
    fc.assert(
      fc.property(fc.array(facts, { minLength: 1, maxLength: 4 }), filters, (all, filter) => {
        const events = all.map(eventOf);
        const headers = facetHeaders(events);
        for (const text of Object.values(headers)) expect(text).toMatch(/^[!-~]+$/);
        if (events.some((event) => wanted(event, filter))) expect(mayHold(reader(headers), filter)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('tell exactly for a message of one event', () => {
    fc.assert(
      fc.property(facts, filters, (one, filter) => {
        const event = eventOf(one);
        expect(mayHold(reader(facetHeaders([event])), filter)).toBe(wanted(event, filter));
      }),
      { numRuns: 2_000 },
    );
  });

  it('say that anything may be there when more is there than fits, and nothing when there is nothing', () => {
    const many = Array.from({ length: 200 }, (_, index) =>
      eventOf({ type: 'T', application: `p/${index}`, environment: 'e', cluster: 'c', actor: 'u' }),
    );
    expect(facetHeaders(many)).toMatchObject({ 'Pl-Applications': '*', 'Pl-Projects': 'p', 'Pl-Types': 'T' });
    expect(facetHeaders([eventAt(0)])).toEqual({
      'Pl-Types': 'RepositoryRecovered',
      'Pl-Applications': '-',
      'Pl-Projects': '-',
      'Pl-Environments': '-',
      'Pl-Clusters': '-',
      'Pl-Actors': 'watcher',
    });
    expect(mayHold(reader(facetHeaders(many)), { application: 'q/1' })).toBe(true);
    expect(mayHold(reader(facetHeaders([eventAt(0)])), { application: 'q/1' })).toBe(false);
    const filter: EventFilter = { types: ['SyncStarted'], actor: 'anna' };
    expect(mayHold(reader({}), filter)).toBe(true);
  });
});
