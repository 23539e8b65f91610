// SPDX-License-Identifier: Apache-2.0
import { Digest } from '@plumbline/core';
import type { RecordedEvent } from '@plumbline/events';
import { describe, expect, it } from 'vitest';
import { AccessBook, roleIncludes } from './access-book.js';

function issued(id: string, token: string, expiresAt?: string): RecordedEvent {
  return {
    type: 'TokenIssued',
    data: {
      id,
      name: id,
      role: 'operator',
      hash: Digest.of(token),
      emails: [],
      ...(expiresAt === undefined ? {} : { expiresAt }),
    },
  } as unknown as RecordedEvent;
}
const revoked = (id: string): RecordedEvent => ({ type: 'TokenRevoked', data: { id } }) as unknown as RecordedEvent;

describe('the book of tokens', () => {
  it('knows whose token it is, until it is revoked or expires', () => {
    const book = new AccessBook();
    expect(book.everIssued).toBe(false);
    book.apply(issued('anna', 'secret-a'));
    book.apply(issued('ci', 'secret-b', '2026-01-01T01:00:00Z'));
    const [before, after] = [Date.parse('2026-01-01T00:59:59Z'), Date.parse('2026-01-01T01:00:00Z')];
    expect(book.authenticate('secret-a', after)).toMatchObject({ id: 'anna', role: 'operator' });
    const ci = book.authenticate('secret-b', before);
    expect(ci).toMatchObject({ id: 'ci' });
    expect(book.authenticate('secret-b', after)).toBeUndefined();
    expect(ci !== undefined && book.isInForce(ci, before)).toBe(true);
    expect(ci !== undefined && book.isInForce(ci, after)).toBe(false);
    book.apply(revoked('anna'));
    expect(book.authenticate('secret-a', before)).toBeUndefined();
    expect(book.everIssued).toBe(true);
  });

  it('does not take a hash, an empty text or the name of a property for a token', () => {
    const book = new AccessBook();
    book.apply(issued('anna', 'secret-a'));
    for (const text of ['', Digest.of('secret-a'), 'constructor', '__proto__', 'anna'])
      expect(book.authenticate(text, 0)).toBeUndefined();
  });

  it('knows which role includes which', () => {
    expect(roleIncludes('admin', 'viewer')).toBe(true);
    expect(roleIncludes('operator', 'operator')).toBe(true);
    expect(roleIncludes('viewer', 'operator')).toBe(false);
    expect(roleIncludes('operator', 'admin')).toBe(false);
  });
});
