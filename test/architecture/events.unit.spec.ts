// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import path from 'node:path';
import { currentSchemaVersions, eventOwners, type EventType, payloads, ServiceName } from '@plumbline/events';
import { describe, expect, it } from 'vitest';
import { root, sourceFiles, textOf } from './workspace.js';

const types = Object.keys(payloads) as EventType[];

describe('every event type', () => {
  it('has exactly one owner among the services', () => {
    expect(Object.keys(eventOwners).toSorted()).toEqual(types.toSorted());
    for (const owner of Object.values(eventOwners)) expect(ServiceName).toContain(owner);
  });

  it.each(types.map((type) => [type]))('%s is a fact in the past tense', (type) => {
    expect(type).toMatch(/^[A-Z][A-Za-z]+$/);
    expect(type).not.toMatch(/Updated$/);
    expect(type).toMatch(/(ed|Read|Missing|Unreachable|Unreadable|Waiting)$/);
  });

  it.each(types.map((type) => [type]))('%s has a golden file for each of its versions', (type) => {
    for (let version = 1; version <= (currentSchemaVersions[type] ?? 1); version += 1) {
      expect(
        existsSync(path.join(root, 'libs/events/testdata', `${type}.v${version}.json`)),
        `${type}.v${version}.json`,
      ).toBe(true);
    }
  });
});

describe('a service', () => {
  const sources = sourceFiles().filter(
    (file) => /^services\/[^/]+\/src\/.*\.ts$/.test(file) && !/\.(spec|fixture)\.ts$|\/testing\//.test(file),
  );

  it.each(types.map((type) => [type]))('appends %s only where it is the owner', (type) => {
    const writes = new RegExp(`\\btype: '${type}',\\s*(data|occurredAt)\\b`);
    const offenders = sources.filter(
      (file) => !file.startsWith(`services/${eventOwners[type]}/`) && writes.test(textOf(file)),
    );
    expect(offenders).toEqual([]);
  });
});
