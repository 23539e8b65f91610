// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { type EventFilter, eventFromJson, facetsOf, wanted } from './index.js';

const event = (type: string, stream: string, data: object): ReturnType<typeof eventFromJson> =>
  eventFromJson({
    id: 'e',
    type,
    schemaVersion: 1,
    stream,
    revision: 0,
    position: 0,
    occurredAt: '2026-01-01T00:00:00Z',
    recordedAt: '2026-01-01T00:00:00Z',
    actor: { kind: 'user', id: 'u1', name: 'anna' },
    causationId: 'c',
    correlationId: 'c',
    data,
  });
const plan = event('PlanFailed', 'target-default/web/production/eu-1', {
  application: 'default/web',
  environment: 'production',
  cluster: 'eu-1',
  version: 1,
  reason: 'r',
  message: '',
});

describe('the filter of events', () => {
  it.each<readonly [EventFilter, boolean]>([
    [{}, true],
    [{ types: ['PlanFailed', 'SyncStarted'] }, true],
    [{ types: ['SyncStarted'] }, false],
    [{ application: 'default/web' }, true],
    [{ application: 'default/we' }, false],
    [{ project: 'default' }, true],
    [{ project: 'defaul' }, false],
    [{ environment: 'production' }, true],
    [{ environment: 'staging' }, false],
    [{ cluster: 'eu-1' }, true],
    [{ cluster: 'eu' }, false],
    [{ actor: 'u1' }, true],
    [{ actor: 'anna' }, true],
    [{ actor: 'user' }, false],
    [{ actor: 'anna', cluster: 'eu-1', types: ['PlanFailed'] }, true],
    [{ actor: 'anna', cluster: 'eu-2' }, false],
  ])('%j lets an event through: %s', (filter, through) => {
    expect(wanted(plan, filter)).toBe(through);
  });

  it('knows projects and clusters by their streams, releases by their clusters, and types of newer writers by the names of their fields', () => {
    expect(facetsOf(event('ProjectRemoved', 'project-shop', { name: 'shop' }))).toMatchObject({
      project: 'shop',
      application: undefined,
    });
    expect(facetsOf(event('ClusterRemoved', 'cluster-eu-1', { name: 'eu-1' }))).toMatchObject({
      clusters: ['eu-1'],
      project: undefined,
    });
    expect(facetsOf(event('CometSighted', 'sky-1', { application: 'a/b', clusters: ['x', 7, 'y'] }))).toEqual({
      type: 'CometSighted',
      application: 'a/b',
      project: 'a',
      environment: undefined,
      clusters: ['x', 'y'],
      actors: ['u1', 'anna'],
    });
  });
});
