// SPDX-License-Identifier: Apache-2.0
import type { MetricDefinitions } from '@plumbline/core';

/** What every process reports about itself. */
export const PROCESS_METRICS = {
  memory: {
    name: 'plumbline_process_resident_memory_bytes',
    type: 'gauge',
    unit: 'By',
    description: 'Resident memory',
    labels: {},
  },
  cpu: {
    name: 'plumbline_process_cpu_seconds_total',
    type: 'counter',
    unit: 's',
    description: 'User and system CPU time',
    labels: {},
  },
  loopDelay: {
    name: 'plumbline_process_event_loop_delay_seconds',
    type: 'gauge',
    unit: 's',
    description: 'Event loop delay since the last scrape, 99th percentile',
    labels: {},
  },
} satisfies MetricDefinitions;

/** The metrics of messages with events. */
export const MESSAGING_METRICS = {
  discarded: {
    name: 'plumbline_messaging_discarded_total',
    type: 'counter',
    description: 'Messages that were discarded because the log did not record what they say, by consumer and reason',
    labels: { consumer: 'name of the consumer', reason: '`forged`, `altered`, `replayed`, `beyond_head`, `malformed`' },
  },
  alarm: {
    name: 'plumbline_messaging_alarm',
    type: 'gauge',
    description: '1 for ten minutes after a message was discarded: somebody may publish who must not',
    labels: {},
  },
} satisfies MetricDefinitions;
