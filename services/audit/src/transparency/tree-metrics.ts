// SPDX-License-Identifier: Apache-2.0
import type { Meter, ObservableResult } from '@opentelemetry/api';
import type { MetricDefinition, MetricDefinitions } from '@plumbline/core';
import type { Transparency } from './transparency.js';

/** The metrics of the tree of the log. */
export const TREE_METRICS = {
  signedSize: {
    name: 'plumbline_log_signed_size',
    type: 'gauge',
    description: 'Events below the newest checkpoint, in the process that leads',
    labels: {},
  },
  refused: {
    name: 'plumbline_log_refused',
    type: 'gauge',
    description: '1 while no checkpoint is signed, since the log is not what was signed before',
    labels: {},
  },
  witnessAge: {
    name: 'plumbline_log_witness_age_seconds',
    type: 'gauge',
    unit: 's',
    description: 'How long a checkpoint has waited for the cosignature of a witness',
    labels: { witness: 'name of the witness' },
  },
  anchoredSize: {
    name: 'plumbline_log_anchored_size',
    type: 'gauge',
    description: 'Events below the checkpoint that was anchored last',
    labels: {},
  },
} satisfies MetricDefinitions;

/** What an alarm on the tree of the log watches: what is signed, what waits for a witness, what is anchored. */
export function observeTree(meter: Meter, tree: Transparency, log: { readonly leads: boolean }): void {
  const gauge = (definition: MetricDefinition, read: (result: ObservableResult) => void): void => {
    meter.createObservableGauge(definition.name, definition).addCallback(read);
  };
  gauge(TREE_METRICS.signedSize, (result) => {
    const { signedSize } = tree.status;
    if (log.leads && signedSize !== undefined) result.observe(signedSize);
  });
  gauge(TREE_METRICS.refused, (result) => result.observe(tree.status.refused ? 1 : 0));
  gauge(TREE_METRICS.witnessAge, (result) => {
    for (const { name, ageSeconds } of tree.status.witnesses)
      if (ageSeconds !== undefined) result.observe(ageSeconds, { witness: name });
  });
  gauge(TREE_METRICS.anchoredSize, (result) => {
    const { anchoredSize } = tree.status;
    if (log.leads && anchoredSize !== undefined) result.observe(anchoredSize);
  });
}
