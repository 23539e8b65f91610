// SPDX-License-Identifier: Apache-2.0
import type { Meter, ObservableResult } from '@opentelemetry/api';
import type { Transparency } from './transparency.js';

/** What an alarm on the tree of the log watches: what is signed, what waits for a witness, what is anchored. */
export function observeTree(meter: Meter, tree: Transparency, log: { readonly leads: boolean }): void {
  const gauge = (name: string, description: string, read: (result: ObservableResult) => void): void => {
    meter.createObservableGauge(name, { description }).addCallback(read);
  };
  gauge('plumbline_log_signed_size', 'Events below the newest checkpoint, in the process that leads', (result) => {
    const { signedSize } = tree.status;
    if (log.leads && signedSize !== undefined) result.observe(signedSize);
  });
  gauge(
    'plumbline_log_refused',
    '1 while no checkpoint is signed, since the log is not what was signed before',
    (result) => result.observe(tree.status.refused ? 1 : 0),
  );
  gauge(
    'plumbline_log_witness_age_seconds',
    'How long a checkpoint has waited for the cosignature of a witness',
    (result) => {
      for (const { name, ageSeconds } of tree.status.witnesses)
        if (ageSeconds !== undefined) result.observe(ageSeconds, { witness: name });
    },
  );
  gauge('plumbline_log_anchored_size', 'Events below the checkpoint that was anchored last', (result) => {
    const { anchoredSize } = tree.status;
    if (log.leads && anchoredSize !== undefined) result.observe(anchoredSize);
  });
}
