// SPDX-License-Identifier: Apache-2.0
import { declared, type SampleConsumer, startSample } from './testing/sample-consumer.fixture.js';
import { reactorContract } from './testing/reactor.contract.js';
import { until } from './testing/recorded-telemetry.js';

reactorContract('a sample consumer', {
  start: async (log) => startSample({ log }),
  event: (index, note) => declared(`p${index}`, note),
  worked: async (index, subject) =>
    until(`the note of p${index}`, () => (subject as SampleConsumer).notes.notes.has(`p${index}`)),
});
