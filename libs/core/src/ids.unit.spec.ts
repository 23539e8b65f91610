// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import {
  ApplicationId,
  canonicalJson,
  derivedId,
  Digest,
  isTimeOrderedUuid,
  requestTimeMs,
  StreamName,
  TargetId,
  uuidTimeMs,
  uuidv7,
  worstHealth,
} from './index.js';

describe('ids', () => {
  it('put a bare application name into project default', () => {
    expect(ApplicationId.parse('web')).toBe('default/web');
    expect(TargetId.parts(TargetId.of('team/web', 'staging', 'east'))).toEqual({
      application: 'team/web',
      environment: 'staging',
      cluster: 'east',
    });
  });

  it.each(['', 'Web', 'a/b/c', '-a', 'a b', `${'a'.repeat(64)}`])('refuse "%s" as an application', (text) => {
    expect(() => ApplicationId.parse(text)).toThrow(/PLB|not an application/);
  });

  it('derive the same id from the same cause, in the order of time', () => {
    const first = derivedId(1_000, 'render', 'a');
    expect(derivedId(1_000, 'render', 'a')).toBe(first);
    expect(derivedId(1_000, 'rendera')).not.toBe(derivedId(1_000, 'render', 'a'));
    expect(derivedId(2_000, 'render', 'a') > first).toBe(true);
    expect(isTimeOrderedUuid(first)).toBe(true);
    expect(uuidTimeMs(first)).toBe(1_000);
  });

  it('carry their time in fresh ids too', () => {
    const nowMs = 1_790_000_000_123;
    expect(uuidTimeMs(uuidv7(nowMs))).toBe(nowMs);
    expect(isTimeOrderedUuid(uuidv7(nowMs))).toBe(true);
  });

  it('refuse what is not a stream or a digest', () => {
    expect(() => StreamName.parse('nonsense')).toThrow();
    expect(() => Digest.parse('sha256:xyz')).toThrow();
    expect(Digest.of('')).toBe('sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });
});

describe('the time of a request id', () => {
  const days = (count: number): number => count * 24 * 3_600_000;

  it('is the time of the cause for 20 days', () => {
    expect(requestTimeMs(days(81), days(100))).toBe(days(81));
    expect(requestTimeMs(days(80) + 1, days(100))).toBe(days(80) + 1);
    expect(requestTimeMs(days(100) + 5, days(100))).toBe(days(100) + 5);
  });

  it('stays the same while a request with an old cause is repeated', () => {
    const first = requestTimeMs(days(10), days(100));
    expect(first).toBe(days(90));
    expect(requestTimeMs(days(10), days(100) + 1)).toBe(first);
    expect(requestTimeMs(days(10), days(109))).toBe(first);
    expect(requestTimeMs(days(10), days(110))).toBe(days(110));
  });

  it('is never older than the log accepts', () => {
    for (let age = 0; age < 200; age += 7)
      expect(days(300) - requestTimeMs(days(300 - age), days(300))).toBeLessThan(days(20));
  });
});

describe('canonical JSON', () => {
  it('is one text per value', () => {
    expect(canonicalJson({ b: 1, a: [true, null, 'é'] })).toBe('{"a":[true,null,"é"],"b":1}');
  });

  it('refuses what JSON cannot carry', () => {
    expect(() => canonicalJson(Number.NaN)).toThrow(/canonical/);
    expect(() => canonicalJson(undefined)).toThrow(/canonical/);
  });
});

describe('health', () => {
  it('is that of the worst object', () => {
    expect(worstHealth(['Healthy', 'Degraded', 'Progressing'])).toBe('Degraded');
    expect(worstHealth([])).toBe('Healthy');
  });
});
