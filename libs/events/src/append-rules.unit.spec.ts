// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { actorViolation, streamOf } from './append-rules.js';
import type { NewEvent } from './event.js';

const testdata = new URL('../testdata/', import.meta.url);

describe('the stream of an event', () => {
  it.each([
    ['ProjectDeclared', { name: 'x' }, 'project-x'],
    [
      'ApprovalSubmitted',
      { application: 'default/web', environment: 'production', version: 4 },
      'version-default/web/4',
    ],
    [
      'SyncStarted',
      { application: 'default/web', environment: 'staging', cluster: 'east' },
      'target-default/web/staging/east',
    ],
    ['TokenIssued', { id: 'a' }, 'access-a'],
    ['PersonErased', { subject: 's1' }, 'log-persons'],
  ])('of %s is that of the aggregate in its data', (type, data, stream) => {
    expect(streamOf({ type, data } as unknown as NewEvent)).toBe(stream);
  });

  it('has a valid name for the golden file of every type', () => {
    const golden = readdirSync(testdata)
      .filter((name) => name.endsWith('.json'))
      .map((name) => JSON.parse(readFileSync(new URL(name, testdata), 'utf8')) as NewEvent);
    expect(golden.length).toBeGreaterThan(50);
    for (const event of golden) expect(streamOf(event)).toMatch(/^[a-z]+-[A-Za-z0-9]/);
  });
});

describe('the actor of an append', () => {
  it('is a user, a webhook or a repository for the gateway only', () => {
    expect(actorViolation('gateway', { kind: 'user', id: 'anna' })).toBeUndefined();
    expect(actorViolation('gateway', { kind: 'system', id: 'webhook:github' })).toBeUndefined();
    for (const service of ['watcher', 'renderer', 'policy', 'applier'] as const) {
      expect(actorViolation(service, { kind: 'service', id: service })).toBeUndefined();
      expect(actorViolation(service, { kind: 'user', id: 'anna' })).toContain(`service "${service}"`);
      expect(actorViolation(service, { kind: 'system', id: service })).toBeDefined();
      expect(actorViolation(service, { kind: 'service', id: 'gateway' })).toBeDefined();
    }
  });
});
