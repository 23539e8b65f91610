// SPDX-License-Identifier: Apache-2.0
import { Digest } from '@plumbline/core';
import { expect, it } from 'vitest';
import { projection0001 } from './0001-projection.js';
import { projection0002 } from './0002-history.js';
import { projection0003 } from './0003-late-states.js';

it.each([
  ['0001-projection', projection0001, 'sha256:cc1bdac95eafd2cd65e53193800b94dc9de82782613496c0ec7f6b0a9ffeff58'],
  ['0002-history', projection0002, 'sha256:87c9b18ec3ef6eaa746eec1b3dfe17759b85ecd3a23bfbb1359c45334a10aaeb'],
  ['0003-late-states', projection0003, 'sha256:5d205d0f6938c4f39111b7dbb85478b1a0d32d980da1fd8725a4e0b0e68b25bd'],
])('%s is as it was released: a change is a new migration', (_name, text, digest) => {
  expect(Digest.of(text)).toBe(digest);
});
