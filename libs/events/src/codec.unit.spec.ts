// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from 'node:fs';
import { InputError, InvariantError } from '@plumbline/core';
import { describe, expect, it } from 'vitest';
import { checkNewEvent, currentSchemaVersions, decodeEvent, eventOwners, payloads } from './index.js';

const testdata = new URL('../testdata/', import.meta.url);
const golden = readdirSync(testdata).map((file) => ({ file, text: readFileSync(new URL(file, testdata), 'utf8') }));

describe('golden events', () => {
  it('exist for every type and every version that was ever written', () => {
    const expected = Object.keys(payloads).flatMap((type) =>
      Array.from({ length: currentSchemaVersions[type] ?? 1 }, (_, index) => `${type}.v${index + 1}.json`),
    );
    expect(golden.map(({ file }) => file).sort()).toEqual(expected.sort());
  });

  it.each(golden)("$file is read by today's code and loses nothing", ({ text }) => {
    const decoded = decodeEvent(text);
    expect(decoded.type).not.toBe('Unknown');
    expect(decoded).toEqual(JSON.parse(text));
    expect(checkNewEvent({ type: decoded.type, data: decoded.data }).data).toEqual(decoded.data);
  });
});

describe('the codec', () => {
  it('keeps an event of a newer writer as it is', () => {
    const raw = { ...JSON.parse(golden[0]?.text ?? '{}'), type: 'CometSighted', data: { tail: 'long' } };
    expect(decodeEvent(JSON.stringify(raw))).toMatchObject({
      type: 'Unknown',
      data: { originalType: 'CometSighted', raw: { tail: 'long' } },
    });
    const newer = { ...JSON.parse(golden[0]?.text ?? '{}'), schemaVersion: 99 };
    expect(decodeEvent(JSON.stringify(newer))).toMatchObject({ type: 'Unknown' });
  });

  it('names every mistake in the data of a new event', () => {
    expect(() =>
      checkNewEvent({ type: 'VersionSuperseded', data: { application: 1, environment: 'e', version: -1 } }),
    ).toThrow(InputError);
    try {
      checkNewEvent({ type: 'VersionSuperseded', data: { application: 1, environment: 'e', version: -1 } });
    } catch (error) {
      expect(error).toMatchObject({
        code: 'PLB-1102',
        details: { issues: [{ path: 'data.application' }, { path: 'data.version' }, { path: 'data.by' }] },
      });
    }
  });

  it('refuses unknown types and texts that are no events', () => {
    expect(() => checkNewEvent({ type: 'toString', data: {} })).toThrow(/not an event type/);
    expect(() => decodeEvent('{"type":"x"}')).toThrow(InvariantError);
  });

  it('gives every type exactly one owner', () => {
    expect(Object.keys(eventOwners).sort()).toEqual(Object.keys(payloads).sort());
  });
});
