// SPDX-License-Identifier: Apache-2.0
import { Digest } from '@plumbline/core';
import { expect, it } from 'vitest';
import { projection0001 } from './0001-projection.js';

it.each([['0001-projection', projection0001, 'sha256:dcde0c489ab433c1439820b2ae3469718309d77fab5305b7284b997347b7964b']])('%s is as it was released: a change is a new migration', (_name, text, digest) => {
  expect(Digest.of(text)).toBe(digest);
});
