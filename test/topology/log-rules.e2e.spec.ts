// SPDX-License-Identifier: Apache-2.0
import type { EventType, RecordedEvent } from '@plumbline/events';
import { describe, expect, it } from 'vitest';
import { brokenRules } from './log-rules.js';

type Line = readonly [stream: string, type: EventType, data: object];

/** A log of these events; only what the rules read is filled in. */
function logOf(...given: readonly Line[]): readonly RecordedEvent[] {
  const lengths = new Map<string, number>();
  return given.map(([stream, type, data], position) => {
    const revision = lengths.get(stream) ?? 0;
    lengths.set(stream, revision + 1);
    return { id: `id-${position}`, type, stream, revision, position, data } as unknown as RecordedEvent;
  });
}

const place = { application: 'default/web', environment: 'staging' };
const target = { ...place, cluster: 'east' };
const rendered = (version: number, renderDigest: string): Line => [
  `version-default/web/${version}`,
  'VersionRendered',
  { ...place, version, renderDigest },
];
const released = (version: number, generation: number, releaseId = `r${generation}`): Line => [
  `version-default/web/${version}`,
  'VersionReleased',
  { ...place, version, generation, releaseId, kind: 'Automatic', clusters: ['east'] },
];
const started = (syncId: string): Line => ['target-default/web/staging/east', 'SyncStarted', { ...target, syncId }];
const completed = (syncId: string): Line => ['target-default/web/staging/east', 'SyncCompleted', { ...target, syncId }];
const observed = (revision: string): Line => [
  'repository-shop',
  'RevisionObserved',
  { repository: 'shop', ref: 'main', revision },
];

describe('the rules of a log that went through crashes', () => {
  it('are kept by a change, a crash in the middle of a sync, and a second change', () => {
    const log = logOf(
      observed('a'),
      rendered(1, 'd1'),
      released(1, 1),
      started('s1'),
      started('s2'),
      completed('s2'),
      observed('b'),
      rendered(2, 'd2'),
      released(2, 2),
      started('s3'),
      completed('s3'),
    );
    expect(brokenRules(log)).toEqual([]);
  });

  it.each([
    ['a revision that was observed twice', logOf(observed('a'), observed('a')), 'was observed again'],
    ['a version that equals the one before it', logOf(rendered(1, 'd1'), rendered(2, 'd1')), 'is what 1 was'],
    ['a number that does not rise', logOf(rendered(2, 'd1'), rendered(2, 'd2')), 'version 2 at 1 after 2'],
    ['a release that occurs twice', logOf(released(1, 1, 'r'), released(1, 2, 'r')), 'release r occurs twice'],
    ['a version that is released again without a reason', logOf(released(1, 1), released(1, 2)), 'was released again'],
    ['a generation that is left out', logOf(released(1, 1), released(2, 3)), 'generation 3 at 1 after 1'],
    ['a sync without an end', logOf(started('s1')), 'has no end'],
    ['a sync with two ends', logOf(started('s1'), completed('s1'), completed('s1')), 'was completed 2 times'],
    ['an end without a beginning', logOf(completed('s1')), 'never started'],
    [
      'two syncs at the same time',
      logOf(started('s1'), started('s2'), completed('s1'), completed('s2')),
      'at the same time',
    ],
    [
      'a gap',
      logOf(observed('a'), observed('b'), observed('c')).filter((_, index) => index !== 1),
      'position 2 stands at place 1',
    ],
  ])('are broken by %s', (_, log, message) => {
    expect(brokenRules(log).join('; ')).toContain(message);
  });
});
