// SPDX-License-Identifier: Apache-2.0
import { applicationSpec } from '@plumbline/events';
import { z } from 'zod';
import { component } from '../component.js';
import type { Immutable } from '../immutable.js';
import { actor, digestField, labelsField, positionField, provenance, timeField, versionField } from './fields.js';

export const renderError = z
  .object({
    revision: z.string().describe('Commit that could not be rendered.'),
    reason: z.string().describe('Why, in one word.'),
    message: z.string().describe('Why, for people.'),
    at: timeField,
  })
  .describe('Set while the newest commit could not be rendered.');

const environmentView = z.object({
  name: z.string().describe('Name of the environment.'),
  latestVersion: versionField.optional(),
  latestRevision: z.string().optional().describe('Commit of the newest version.'),
  latestRenderDigest: z.string().optional().describe('Digest of the newest version.'),
  latestInputDigest: z.string().optional().describe('Digest of the inputs that the newest version was rendered from.'),
  released: z
    .object({
      version: versionField,
      releaseId: z.string().describe('Id of the release.'),
      generation: z.number().int().describe('Rises with every release of the environment.'),
      kind: z.enum(['Automatic', 'Approved', 'Rollback']).describe('How it came to be released.'),
      renderDigest: digestField,
      clusters: z.array(z.string()).readonly().describe('Clusters that it is for.'),
      at: timeField,
      position: positionField,
    })
    .optional()
    .describe('The version that its targets should run.'),
  renderError: renderError.optional(),
});

export const applicationView = component(
  'Application',
  z
    .object({
      id: z.string().describe('`project/name`.'),
      project: z.string().describe('Name of the project.'),
      name: z.string().describe('Name of the application.'),
      labels: labelsField,
      spec: applicationSpec.describe('What to deploy, and where.'),
      declared: provenance.describe('Where the declaration came from.'),
      suspended: z
        .object({ at: timeField, by: actor, reason: z.string().optional().describe('Why.') })
        .optional()
        .describe('Set while nothing is synced.'),
      removal: z
        .object({
          mode: z.enum(['Delete', 'Orphan']).describe('What happens to its objects.'),
          at: timeField,
          by: actor,
          position: positionField,
        })
        .optional()
        .describe('Set while its removal goes on.'),
      latestVersion: z.number().int().describe('Highest version number; 0 before the first.'),
      environments: z.record(z.string(), environmentView).describe('Its environments by name.'),
    })
    .describe('An application as declared, and its environments.'),
);

/** The state of one environment of an application. */
export type EnvironmentView = Immutable<z.output<typeof environmentView>>;
/** An application, its spec and its environments. */
export type ApplicationView = Immutable<z.output<typeof applicationView>>;
