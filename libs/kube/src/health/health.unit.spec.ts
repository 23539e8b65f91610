// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { KubeObject } from '../types.js';
import { catalogue } from './catalogue/index.js';
import type { HealthOptions } from './health-rule.js';
import { healthOf } from './health.js';

interface Fixture {
  readonly object: KubeObject;
  readonly cases: readonly {
    readonly name: string;
    readonly patch?: object;
    readonly options?: Partial<HealthOptions>;
    readonly state: string;
    readonly reason: string;
    readonly message?: string;
  }[];
}

const directory = new URL('../../testdata/health/', import.meta.url);
const NOW_MS = Date.parse('2026-01-01T00:10:00Z');

/** RFC 7386. */
function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> =
    typeof target === 'object' && target !== null && !Array.isArray(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merge(result[key], value);
  }
  return result;
}

const fixtures = readdirSync(directory)
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => ({ name, fixture: parse(readFileSync(new URL(name, directory), 'utf8')) as Fixture }));

for (const { name, fixture } of fixtures) {
  describe(`health of ${fixture.object.kind} (${name})`, () => {
    for (const { name: title, patch = {}, options = {}, state, reason, message } of fixture.cases) {
      it(`${title}: ${state}`, () => {
        const found = healthOf(merge(fixture.object, patch) as KubeObject, { nowMs: NOW_MS, ...options });
        expect(found).toMatchObject({ state, reason });
        expect(found.message).toContain(message ?? '');
        expect(found.message).not.toBe('');
      });
    }
  });
}

describe('the health catalogue', () => {
  it('has a good and a bad case for every kind in it', () => {
    const lacking = [...catalogue.keys()].filter((key) => {
      const mine = fixtures.filter(
        ({ fixture: { object } }) =>
          `${object.apiVersion.includes('/') ? object.apiVersion.split('/')[0] : ''}/${object.kind}` === key,
      );
      const states = new Set(mine.flatMap(({ fixture }) => fixture.cases.map(({ state }) => state)));
      return !states.has('Healthy') || states.size < 2;
    });
    expect(lacking).toEqual([]);
  });
});

describe('health of an object that is not there', () => {
  const job = (status: object, spec: object = { ttlSecondsAfterFinished: 30 }): KubeObject => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'migrate' },
    spec,
    status,
  });
  const complete = { conditions: [{ type: 'Complete', status: 'True' }] };
  const failed = {
    conditions: [{ type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded', message: 'too many' }],
  };

  it('is Missing', () => {
    expect(healthOf(undefined, { nowMs: NOW_MS })).toMatchObject({ state: 'Missing', reason: 'NotFound' });
  });
  it('is done for a Job that completed before its time to live removed it', () => {
    expect(healthOf(undefined, { nowMs: NOW_MS, lastKnown: job(complete) })).toMatchObject({
      state: 'Healthy',
      reason: 'Complete',
    });
  });
  it('stays failed for a Job that failed before its time to live removed it', () => {
    expect(healthOf(undefined, { nowMs: NOW_MS, lastKnown: job(failed) })).toMatchObject({
      state: 'Degraded',
      reason: 'BackoffLimitExceeded',
    });
  });
  it('is Missing for a Job that was deleted while it ran, or that has no time to live', () => {
    expect(
      healthOf(undefined, { nowMs: NOW_MS, lastKnown: job({ startTime: '2026-01-01T00:00:00Z', active: 1 }) }),
    ).toMatchObject({ state: 'Missing' });
    expect(healthOf(undefined, { nowMs: NOW_MS, lastKnown: job(complete, {}) })).toMatchObject({ state: 'Missing' });
  });
});
