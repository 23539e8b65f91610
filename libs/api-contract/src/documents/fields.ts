// SPDX-License-Identifier: Apache-2.0
import { HealthState, SyncState } from '@plumbline/core';
import { z } from 'zod';
import { component } from '../component.js';
import type { Immutable } from '../immutable.js';

export const positionField = z.number().int().describe('Index of an event in the log, from 0; -1 for an empty log.');
export const timeField = z.string().describe('RFC 3339, UTC.');
export const labelsField = z.record(z.string(), z.string()).describe('Labels by name.');
export const versionField = z.number().int().describe('Number of the version.');
export const digestField = z.string().describe('`sha256:` and 64 hex digits.');

export const actor = component(
  'Actor',
  z
    .object({
      kind: z.enum(['user', 'service', 'agent', 'system']).describe('What kind of actor it is.'),
      id: z.string().describe('Stable id: of the token for users, the name of the service for services.'),
      name: z.string().describe('Name for people.'),
    })
    .describe('Who caused an event.'),
);

export function conditionOf<const States extends readonly [string, ...string[]]>(
  id: string,
  states: States,
): z.ZodObject<{
  state: z.ZodEnum<{ readonly [State in States[number]]: State }>;
  reason: z.ZodString;
  message: z.ZodString;
  since: z.ZodString;
}> {
  return component(
    id,
    z
      .object({
        state: z.enum(states).describe('The state.'),
        reason: z.string().describe('Why, in one CamelCase word.'),
        message: z.string().describe('Why, for people.'),
        since: z.string().describe('Since when the state has been this; RFC 3339.'),
      })
      .describe('A state with its reason and since when.'),
  );
}

export const syncCondition = conditionOf('SyncCondition', SyncState);
export const healthCondition = conditionOf('HealthCondition', HealthState);
export const decisionCondition = conditionOf('DecisionCondition', [
  'Pending',
  'WaitingApproval',
  'Waiting',
  'Released',
  'Blocked',
  'Rejected',
  'Superseded',
]);

const person = z.object({ name: z.string().describe('Name.'), email: z.string().describe('Address.') });
export const commit = component(
  'Commit',
  z
    .object({
      sha: z.string().describe('Full hash of the commit.'),
      author: person.describe('Who wrote it.'),
      committer: person.describe('Who committed it.'),
      coAuthors: z.array(person).readonly().describe('From `Co-authored-by` trailers.'),
      message: z.string().describe('First line of the message.'),
      authoredAt: timeField,
      committedAt: timeField,
    })
    .describe('A commit of a repository.'),
);

export const provenance = component(
  'Provenance',
  z
    .object({
      position: positionField,
      at: timeField,
      by: actor.describe('Who declared it.'),
    })
    .describe('The event that a declaration came from.'),
);

/** The event that a declaration came from. */
export type Provenance = Immutable<z.output<typeof provenance>>;
/** How far the decision on a version is. */
export type DecisionState = z.output<typeof decisionCondition>['state'];
