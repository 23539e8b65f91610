// SPDX-License-Identifier: Apache-2.0
import { describeWith } from '@plumbline/testkit/vitest';
import { eventLogContract } from '@plumbline/event-log/testing';
import { createTestLog } from '../testing/test-log.js';

for (const flavour of ['embedded18', 'debian15'] as const) {
  describeWith(`postgres:${flavour}`, `on PostgreSQL ${flavour}`, () => {
    eventLogContract(`postgres ${flavour}`, () => createTestLog({ flavour }));
  });
}
