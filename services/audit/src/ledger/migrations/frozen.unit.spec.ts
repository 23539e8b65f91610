// SPDX-License-Identifier: Apache-2.0
import { Digest } from '@plumbline/core';
import { expect, it } from 'vitest';
import { ledger0001 } from './0001-ledger.js';
import { ledger0002 } from './0002-checkpoint.js';
import { ledger0003 } from './0003-lead.js';
import { ledger0004 } from './0004-retention.js';
import { ledger0005 } from './0005-leases-and-cursors.js';

it.each([
  ['0001-ledger', ledger0001, 'sha256:bb22e479aa4d792f58f919d32d65cda9d8f6bc86f0208d6b00efb5ac76dd901a'],
  ['0002-checkpoint', ledger0002, 'sha256:340cdd3a5dab34b14e2d340cc0e9737786eaacc5ba405be4d2a146f387075d66'],
  ['0003-lead', ledger0003, 'sha256:6bcb433b38069e622caa5f1a2e128d1ebccf26b8fd804a513c4759294245bb99'],
  ['0004-retention', ledger0004, 'sha256:5fa1c7766b13460bca4175927ffc879cd58a77ae9686fb946fcd433564eac63f'],
  ['0005-leases-and-cursors', ledger0005, 'sha256:147271175ec95660e8b8dc2ee904e0e6a0e29be3753e182636ff49063e011552'],
])('%s is as it was released: a change is a new migration', (_name, text, digest) => {
  expect(Digest.of(text)).toBe(digest);
});
