// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { sourceOf } from './source.js';

const request = (forwarded?: string | string[]) => ({
  ip: '10.0.0.1',
  headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
});

it('believes X-Forwarded-For only behind a proxy, and then what that proxy itself added', () => {
  expect(sourceOf(request('1.1.1.1'), false)).toBe('10.0.0.1');
  expect(sourceOf(request('made-up, 1.1.1.1'), true)).toBe('1.1.1.1');
  expect(sourceOf(request(['made-up', 'also made-up, 2.2.2.2']), true)).toBe('2.2.2.2');
  expect(sourceOf(request(), true)).toBe('10.0.0.1');
  expect(sourceOf(request(''), true)).toBe('10.0.0.1');
});
