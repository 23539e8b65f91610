// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { canonicalJson } from '@plumbline/core';
import { expect, it } from 'vitest';
import { ERASED, reveal, sealPersonal, subjectOf, subjectsIn } from './personal-seal.js';

const installation = randomBytes(32);
const key = randomBytes(32);
const subject = subjectOf(installation, 'ada@example.com');
const difficult = 'Ada "Countess" \\ Lovelace, 👩‍🚀 \u0000 ü';

it('opens what it sealed, within the text of an event', () => {
  const body = canonicalJson({
    a: sealPersonal(key, subject, difficult),
    b: [sealPersonal(key, subject, '')],
    c: 'plumbline.personal.v1: is not sealed',
  });
  expect(body).not.toContain('Lovelace');
  expect(subjectsIn(body)).toEqual([subject, subject]);
  expect(JSON.parse(reveal(body, () => key))).toEqual({
    a: difficult,
    b: [''],
    c: 'plumbline.personal.v1: is not sealed',
  });
});

it('says that a person was erased when the key is gone or another one, or the text was changed', () => {
  const sealed = sealPersonal(key, subject, 'Ada');
  for (const [text, keyOf] of [
    [sealed, () => undefined],
    [sealed, () => randomBytes(32)],
    [`${sealed.slice(0, -4)}AAAA`, () => key],
  ] as const) {
    expect(JSON.parse(reveal(JSON.stringify(text), keyOf))).toBe(ERASED);
  }
  const other = subjectOf(installation, 'eve@example.com');
  expect(JSON.parse(reveal(JSON.stringify(sealed.replace(subject, other)), () => key))).toBe(ERASED);
});

it('gives the same text for the same value, so that a repeated append is the same request, and another one for every other', () => {
  expect(sealPersonal(key, subject, 'Ada')).toBe(sealPersonal(key, subject, 'Ada'));
  expect(new Set(['Ada', 'ada', 'Ada '].map((value) => sealPersonal(key, subject, value))).size).toBe(3);
});

it('names a person the same however the address is written, and differently in every installation', () => {
  expect(subjectOf(installation, ' Ada@Example.com ')).toBe(subject);
  expect(subjectOf(randomBytes(32), 'ada@example.com')).not.toBe(subject);
});
