// SPDX-License-Identifier: Apache-2.0
import { changeAction } from '@plumbline/events';
import { z } from 'zod';
import { component } from '../component.js';

export const objectChange = component(
  'ObjectChange',
  z
    .object({
      key: z.string().describe('`group/Kind/namespace/name`, empty parts kept.'),
      apiVersion: z.string().describe('API version of the object.'),
      action: changeAction.describe('What happened, or would happen.'),
      fields: z
        .array(z.string())
        .readonly()
        .optional()
        .describe('Dotted paths of the changed fields; never values of Secrets.'),
      reason: z.string().optional().describe('Why, in one word.'),
      message: z.string().optional().describe('Why, for people.'),
      takenOver: z
        .array(z.string())
        .readonly()
        .optional()
        .describe('Former field owners that were overridden: `manager: path`.'),
      uid: z.string().optional().describe('UID of the object on the cluster.'),
      finalizers: z.array(z.string()).readonly().optional().describe('Finalizers that a deletion waits for.'),
      source: z.string().optional().describe('File and zero-based document index that the object is written in.'),
    })
    .describe('What happened, or would happen, to one object.'),
);

export const changeCounts = z.partialRecord(changeAction, z.number().int()).describe('Number of objects by action.');
export const changeList = component(
  'ChangeList',
  z
    .object({
      counts: changeCounts,
      digest: z.string().describe('Digest of the whole list in the object store.'),
      inline: z.array(objectChange).readonly().describe('The objects, changed ones first, as far as they fit.'),
      truncated: z.boolean().describe('True when `inline` is not all.'),
    })
    .describe('Outcomes per object.'),
);

export const verdict = component(
  'Verdict',
  z
    .object({
      check: z.string().describe('Name of the check.'),
      result: z.enum(['Pass', 'Warn', 'Deny', 'Error']).describe('What it says.'),
      message: z.string().describe('Why, for people.'),
      objects: z.array(z.string()).readonly().optional().describe('Keys of the objects it is about.'),
    })
    .describe('What one check of the policy says about a version.'),
);
