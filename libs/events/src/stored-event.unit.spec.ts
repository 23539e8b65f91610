// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readStoredEvent } from './index.js';

const text = readFileSync(new URL('../testdata/WorkReleased.v1.json', import.meta.url), 'utf8');

describe('readStoredEvent', () => {
  it('returns the event', () => {
    expect(readStoredEvent(56, text)).toMatchObject({ type: 'WorkReleased', position: 56 });
  });

  it('returns a text that is not JSON as undecodable', () => {
    expect(readStoredEvent(3, '{"secret')).toEqual({
      type: 'Undecodable',
      position: 3,
      originalType: undefined,
      stream: undefined,
      revision: undefined,
      message: 'the stored text is not JSON',
    });
  });

  it('returns an event without an actor as undecodable, with its stream, revision and type', () => {
    const { actor: _, ...rest } = JSON.parse(text) as Record<string, unknown>;
    expect(readStoredEvent(56, JSON.stringify(rest))).toMatchObject({
      type: 'Undecodable',
      originalType: 'WorkReleased',
      stream: 'log-golden',
      revision: 56,
      message: expect.stringContaining('envelope') as unknown,
    });
  });

  it('returns an event of another position as undecodable', () => {
    expect(readStoredEvent(57, text)).toMatchObject({ type: 'Undecodable', position: 57 });
  });

  it('returns what an upcaster throws as undecodable', () => {
    const decode = (): never => {
      throw new TypeError('no such field');
    };
    expect(readStoredEvent(56, text, decode)).toMatchObject({ type: 'Undecodable', message: 'no such field' });
  });
});
