// SPDX-License-Identifier: Apache-2.0
import { Digest } from '@plumbline/core';
import { expect, it } from 'vitest';
import { ledger0001 } from './0001-ledger.js';

it.each([['0001-ledger', ledger0001, 'sha256:bb22e479aa4d792f58f919d32d65cda9d8f6bc86f0208d6b00efb5ac76dd901a']])('%s is as it was released: a change is a new migration', (_name, text, digest) => {
  expect(Digest.of(text)).toBe(digest);
});
