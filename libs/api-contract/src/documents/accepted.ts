// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { component } from '../component.js';
import type { Immutable } from '../immutable.js';
import { positionField } from './fields.js';

export const accepted = {
  position: positionField,
  eventId: z.string().describe('Id of the event; its outcome carries it as `causationId`.'),
  correlationId: z.string().describe('Correlation of what follows.'),
};

export const acceptedResult = component(
  'Accepted',
  z.object(accepted).describe('Where an accepted request stands in the log.'),
);

export const changeResult = component(
  'ChangeResult',
  z
    .object({
      action: z
        .enum(['suspended', 'resumed', 'removed', 'revoked', 'unchanged'])
        .describe('What was done; `unchanged` when it was so already.'),
      position: positionField,
    })
    .describe('Answer to a change.'),
);

/** Where an accepted request stands in the log. Its outcome carries the event's id as `causationId`. */
export type Accepted = Immutable<z.output<typeof acceptedResult>>;
/** Answer to suspend, resume, removals and revocations: `unchanged` when it was so already. */
export type ChangeResult = Immutable<z.output<typeof changeResult>>;
