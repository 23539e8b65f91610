// SPDX-License-Identifier: Apache-2.0
import { HealthState } from '@plumbline/core';
import { syncCause } from '@plumbline/events';
import { z } from 'zod';
import { component } from '../component.js';
import type { Immutable } from '../immutable.js';
import { changeList, objectChange } from './changes.js';
import { digestField, healthCondition, positionField, syncCondition, timeField, versionField } from './fields.js';

const drift = z.object({
  key: z.string().describe('`group/Kind/namespace/name`.'),
  kind: z.enum(['Changed', 'Missing', 'Replaced', 'Unmarked']).describe('How it differs.'),
  fields: z.array(z.string()).readonly().describe('Fields that differ.'),
  actors: z.array(z.string()).readonly().describe('Field managers that wrote them.'),
});

export const targetView = component(
  'Target',
  z
    .object({
      id: z.string().describe('`project/name/environment/cluster`.'),
      application: z.string().describe('`project/name`.'),
      environment: z.string().describe('Name of the environment.'),
      cluster: z.string().describe('Name of the cluster.'),
      desiredVersion: versionField.optional(),
      desiredRelease: z.string().optional().describe('Id of the release that wants it.'),
      desiredGeneration: z.number().int().optional().describe('Generation of that release.'),
      version: versionField.optional(),
      renderDigest: digestField.optional(),
      sync: syncCondition.describe('Whether the cluster is as it should be.'),
      health: healthCondition.describe('How its objects are.'),
      unhealthy: z
        .array(
          z.object({
            key: z.string().describe('`group/Kind/namespace/name`.'),
            health: z.enum(HealthState).describe('Its health.'),
            reason: z.string().describe('Why, in one word.'),
            message: z.string().describe('Why, for people.'),
          }),
        )
        .readonly()
        .describe('Objects that are not healthy.'),
      drift: z.array(drift).readonly().describe('Objects that somebody else changed.'),
      inventoryDigest: digestField.optional(),
      objectCount: z.number().int().describe('Number of objects in its inventory.'),
      running: z
        .object({
          syncId: z.string().describe('Id of the sync.'),
          version: versionField,
          cause: syncCause.describe('Why it runs.'),
          startedAt: timeField,
        })
        .optional()
        .describe('The sync that runs now.'),
      lastSync: z
        .object({
          syncId: z.string().describe('Id of the sync.'),
          version: versionField,
          renderDigest: digestField,
          cause: syncCause.describe('Why it ran.'),
          result: z.enum(['Succeeded', 'Failed', 'Partial', 'Refused']).describe('How it ended.'),
          reason: z.string().describe('Why, in one word.'),
          message: z.string().describe('Why, for people.'),
          changes: changeList.optional(),
          objects: z.array(objectChange).readonly().optional().describe('Objects that a refused sync is about.'),
          at: timeField,
          durationMs: z.number().int().describe('How long it took, in milliseconds.'),
          position: positionField,
        })
        .optional()
        .describe('The last sync that ended.'),
    })
    .describe('One application in one environment on one cluster.'),
);

/** An object of a target that differs from its release. */
export type DriftView = Immutable<z.output<typeof drift>>;
/** One application in one environment on one cluster. */
export type TargetView = Immutable<z.output<typeof targetView>>;
