// SPDX-License-Identifier: Apache-2.0
import type { Meter } from '@opentelemetry/api';
import type { PostgresEventLog } from './ledger/postgres-event-log.js';
import type { Relay } from './publishing/relay.js';
import type { Projector } from './read-models/projector.js';

/** What the metrics of the audit service read. */
export interface ObservedParts {
  readonly log: PostgresEventLog;
  readonly projector: Projector;
  readonly relay: Relay;
}

/** Exports how far the log is and how far its consumers are: an alert watches the difference. */
export function observeAudit(meter: Meter, { log, projector, relay }: ObservedParts): void {
  const gauge = (name: string, description: string, read: () => number | undefined): void => {
    meter.createObservableGauge(name, { description }).addCallback((result) => {
      const value = read();
      if (value !== undefined) result.observe(value);
    });
  };
  gauge('plumbline_log_leads', '1 while this process leads the log', () => (log.leads ? 1 : 0));
  gauge('plumbline_log_next_position', 'Next position of the log, on the leader', () => log.nextPosition);
  gauge(
    'plumbline_log_views_position',
    'Next position that the read models will fold, on the leader',
    () => projector.position,
  );
  gauge(
    'plumbline_log_views_parked',
    'Streams that the read models quarantine because of an event that cannot be applied; above 0 an operator must act',
    () => projector.parkedKeys,
  );
  gauge('plumbline_log_relay_position', 'Next position that will be published, on the leader', () => relay.position);
  meter
    .createObservableCounter('plumbline_log_refusals_total', {
      description: 'Appends and calls that the log rejected, by error code',
    })
    .addCallback((result) => {
      for (const [code, count] of log.refusals.counts) result.observe(count, { code });
    });
}
