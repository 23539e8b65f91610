// SPDX-License-Identifier: Apache-2.0
import { declared, type SampleConsumer, startSample } from './testing/sample-consumer.fixture.js';
import { reactorContract } from './testing/reactor.contract.js';
import { waitUntil } from '@plumbline/testkit';

reactorContract('a sample consumer', {
  start: async (log) => startSample({ log }),
  event: (index, note) => declared(`p${index}`, note),
  worked: async (index, subject) =>
    waitUntil(`the note of p${index}`, () => (subject as SampleConsumer).notes.notes.has(`p${index}`)),
});
