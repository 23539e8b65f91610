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

/** Boundaries of the commit histogram, in seconds: from a group commit on fast storage to the statement timeout. */
const COMMIT_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2];

/** Exports what the log takes and how far its consumers are: an alert watches the lags. */
export function observeAudit(meter: Meter, { log, projector, relay }: ObservedParts): void {
  const gauge = (names: readonly string[], description: string, read: () => number | undefined): void => {
    for (const name of names)
      meter.createObservableGauge(name, { description }).addCallback((result) => {
        const value = read();
        if (value !== undefined) result.observe(value);
      });
  };
  const behind = (position: number | undefined): number | undefined =>
    log.nextPosition === undefined || position === undefined ? undefined : Math.max(0, log.nextPosition - position);
  gauge(['plumbline_log_leads'], '1 while this process leads the log', () => (log.leads ? 1 : 0));
  gauge(['plumbline_log_next_position'], 'Next position of the log, on the leader', () => log.nextPosition);
  // The second name of a gauge is the one of the version before.
  gauge(
    ['plumbline_read_models_position', 'plumbline_log_views_position'],
    'Next position that the read models fold, on the leader',
    () => projector.position,
  );
  gauge(['plumbline_read_models_lag_events'], 'Events that the read models have not folded yet, on the leader', () =>
    behind(projector.position),
  );
  gauge(
    ['plumbline_read_models_quarantined_streams', 'plumbline_log_views_parked'],
    'Streams that the read models cannot process because of an event; above 0 an operator must act',
    () => projector.parkedKeys,
  );
  gauge(
    ['plumbline_log_published_position', 'plumbline_log_relay_position'],
    'Next position that is published, on the leader',
    () => relay.position,
  );
  gauge(['plumbline_log_publish_lag_events'], 'Events that are not published yet, on the leader', () =>
    behind(relay.position),
  );
  observeAppends(meter, log);
}

function observeAppends(meter: Meter, log: PostgresEventLog): void {
  const events = meter.createCounter('plumbline_log_appended_events_total', {
    description: 'Events that this process appended',
  });
  const commits = meter.createCounter('plumbline_log_commits_total', {
    description: 'Commits of this process; each holds the appends that waited while the one before ran',
  });
  const seconds = meter.createHistogram('plumbline_log_commit_seconds', {
    description: 'Duration of a commit in the database',
    unit: 's',
    advice: { explicitBucketBoundaries: COMMIT_SECONDS },
  });
  log.onCommitted(({ firstPosition, lastPosition }) => {
    events.add(lastPosition - firstPosition + 1);
    commits.add(1);
  });
  log.observeCommits((ms) => seconds.record(ms / 1_000));
  meter
    .createObservableCounter('plumbline_log_refusals_total', {
      description: 'Appends and calls that the log rejected, by error code',
    })
    .addCallback((result) => {
      for (const [code, count] of log.refusals.counts) result.observe(count, { code });
    });
}
