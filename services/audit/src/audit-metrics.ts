// SPDX-License-Identifier: Apache-2.0
import type { Meter } from '@opentelemetry/api';
import type { MetricDefinition, MetricDefinitions } from '@plumbline/core';
import type { PostgresEventLog } from './ledger/postgres-event-log.js';
import type { Relay } from './publishing/relay.js';
import type { Projector } from './read-models/projector.js';

/** What the metrics of the audit service read. */
export interface ObservedParts {
  readonly log: PostgresEventLog;
  readonly projector: Projector;
  readonly relay: Relay;
}

/** The metrics of the log. Most are reported by the process that leads the log only. */
export const AUDIT_METRICS = {
  leads: { name: 'plumbline_log_leads', type: 'gauge', description: '1 while this process leads the log', labels: {} },
  nextPosition: {
    name: 'plumbline_log_next_position',
    type: 'gauge',
    description: 'Next position of the log, on the leader',
    labels: {},
  },
  foldedPosition: {
    name: 'plumbline_read_models_position',
    type: 'gauge',
    description: 'Next position that the read models fold, on the leader',
    labels: {},
    alias: 'plumbline_log_views_position',
  },
  foldLag: {
    name: 'plumbline_read_models_lag_events',
    type: 'gauge',
    description: 'Events that the read models have not folded yet, on the leader',
    labels: {},
  },
  quarantined: {
    name: 'plumbline_read_models_quarantined_streams',
    type: 'gauge',
    description: 'Streams that the read models cannot process because of an event; above 0 an operator must act',
    labels: {},
    alias: 'plumbline_log_views_parked',
  },
  publishedPosition: {
    name: 'plumbline_log_published_position',
    type: 'gauge',
    description: 'Next position that is published, on the leader',
    labels: {},
    alias: 'plumbline_log_relay_position',
  },
  publishLag: {
    name: 'plumbline_log_publish_lag_events',
    type: 'gauge',
    description: 'Events that are not published yet, on the leader',
    labels: {},
  },
  events: {
    name: 'plumbline_log_appended_events_total',
    type: 'counter',
    description: 'Events that this process appended',
    labels: {},
  },
  commits: {
    name: 'plumbline_log_commits_total',
    type: 'counter',
    description: 'Commits of this process; each holds the appends that waited while the one before ran',
    labels: {},
  },
  commitSeconds: {
    name: 'plumbline_log_commit_seconds',
    type: 'histogram',
    unit: 's',
    description: 'Duration of a commit in the database',
    labels: {},
    advice: { explicitBucketBoundaries: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2] },
  },
  refusals: {
    name: 'plumbline_log_refusals_total',
    type: 'counter',
    description: 'Appends and calls that the log rejected, by error code',
    labels: { code: 'code of the error' },
  },
} satisfies MetricDefinitions;

/** Exports what the log takes and how far its consumers are: an alert watches the lags. */
export function observeAudit(meter: Meter, { log, projector, relay }: ObservedParts): void {
  const metrics = AUDIT_METRICS;
  const gauge = (definition: MetricDefinition, read: () => number | undefined): void => {
    const { name, alias } = definition;
    for (const exported of alias === undefined ? [name] : [name, alias])
      meter.createObservableGauge(exported, definition).addCallback((result) => {
        const value = read();
        if (value !== undefined) result.observe(value);
      });
  };
  const behind = (position: number | undefined): number | undefined =>
    log.nextPosition === undefined || position === undefined ? undefined : Math.max(0, log.nextPosition - position);
  gauge(metrics.leads, () => (log.leads ? 1 : 0));
  gauge(metrics.nextPosition, () => log.nextPosition);
  gauge(metrics.foldedPosition, () => projector.position);
  gauge(metrics.foldLag, () => behind(projector.position));
  gauge(metrics.quarantined, () => projector.parkedKeys);
  gauge(metrics.publishedPosition, () => relay.position);
  gauge(metrics.publishLag, () => behind(relay.position));
  observeAppends(meter, log);
}

function observeAppends(meter: Meter, log: PostgresEventLog): void {
  const metrics = AUDIT_METRICS;
  const events = meter.createCounter(metrics.events.name, metrics.events);
  const commits = meter.createCounter(metrics.commits.name, metrics.commits);
  const seconds = meter.createHistogram(metrics.commitSeconds.name, metrics.commitSeconds);
  log.onCommitted(({ firstPosition, lastPosition }) => {
    events.add(lastPosition - firstPosition + 1);
    commits.add(1);
  });
  log.observeCommits((ms) => seconds.record(ms / 1_000));
  meter.createObservableCounter(metrics.refusals.name, metrics.refusals).addCallback((result) => {
    for (const [code, count] of log.refusals.counts) result.observe(count, { code });
  });
}
