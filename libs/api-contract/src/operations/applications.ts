// SPDX-License-Identifier: Apache-2.0
import { syncCause } from '@plumbline/events';
import { z } from 'zod';
import { asOfQuery } from '../as-of.js';
import { component } from '../component.js';
import { applicationView } from '../documents/application.js';
import { changeCounts } from '../documents/changes.js';
import {
  commit,
  decisionCondition,
  digestField,
  healthCondition,
  positionField,
  syncCondition,
  timeField,
  versionField,
} from '../documents/fields.js';
import { targetView } from '../documents/target.js';
import { approvalRecord, approvalView, versionView } from '../documents/version.js';
import { examples, onePage } from '../examples.js';
import { operation } from '../operation.js';
import {
  applicationParams,
  applicationText,
  itemQuery,
  pageOf,
  listQuery,
  pageQuery,
  versionParams,
} from '../queries.js';

const environmentText = z.string().min(1).max(63).optional();

const environmentSummary = component(
  'EnvironmentSummary',
  z
    .object({
      name: z.string().describe('Name of the environment.'),
      latestVersion: versionField.optional(),
      releasedVersion: versionField.optional(),
      decision: decisionCondition.optional().describe('Decision on the latest version.'),
      sync: syncCondition.describe(
        'The worst of its targets; Waiting or Refused while the latest version is not let through.',
      ),
      health: healthCondition.describe('The worst of its targets.'),
      targetCount: z.number().int().describe('Number of targets.'),
      renderError: applicationView.shape.environments.valueType.shape.renderError,
    })
    .describe('One environment at a glance.'),
);

const applicationSummary = component(
  'ApplicationSummary',
  z
    .object({
      sync: syncCondition.describe('The worst of its environments.'),
      health: healthCondition.describe('The worst of its environments.'),
      environments: z.array(environmentSummary).readonly().describe('In the order of the spec.'),
    })
    .describe('An application at a glance.'),
);

const applicationItem = component(
  'ApplicationItem',
  z.object({ ...applicationView.shape, summary: applicationSummary }).describe('An application with its summary.'),
);

const applicationStatus = component(
  'ApplicationStatus',
  z
    .object({
      application: applicationItem,
      environments: z
        .array(
          z.object({
            ...environmentSummary.shape,
            latest: versionView.optional().describe('The newest version.'),
            released: versionView.optional().describe('The version that its targets should run.'),
            targets: z.array(targetView).readonly().describe('Its targets, by cluster.'),
          }),
        )
        .readonly()
        .describe('In the order of the spec.'),
      position: positionField,
    })
    .describe('Everything about an application now, as of one position.'),
);

const outcome = component(
  'TargetOutcome',
  z
    .object({
      cluster: z.string().describe('Name of the cluster.'),
      syncId: z.string().describe('Id of the sync; of the release for a refused one.'),
      cause: syncCause.describe('Why it ran.'),
      result: z.enum(['Succeeded', 'Failed', 'Partial', 'Refused']).describe('How it ended.'),
      reason: z.string().describe('Why, in one word.'),
      message: z.string().describe('Why, for people.'),
      counts: changeCounts,
      at: timeField,
      durationMs: z.number().int().describe('How long it took, in milliseconds.'),
      position: positionField,
    })
    .describe('How one sync of a version on a cluster ended.'),
);

const historyEntry = component(
  'HistoryEntry',
  z
    .object({
      version: versionField,
      repository: z.string().describe('Name of the repository.'),
      revision: z.string().describe('Commit that it was rendered from.'),
      commit,
      renderedAt: timeField,
      environments: z
        .array(
          z.object({
            environment: z.string().describe('Name of the environment.'),
            renderDigest: digestField,
            objectCount: z.number().int().describe('Number of objects.'),
            renderedAt: timeField,
            decision: decisionCondition.describe('What was decided.'),
            verdicts: versionView.shape.verdicts,
            approvals: z.array(approvalRecord).readonly().describe('Approvals that counted.'),
            releases: versionView.shape.releases,
            outcomes: z
              .array(outcome)
              .readonly()
              .describe('Syncs that ended, newest first; the audit query has those before the last fifty.'),
          }),
        )
        .readonly()
        .describe('In the order of the spec.'),
    })
    .describe('One version over all environments that it was rendered for.'),
);

const fieldDifference = z.object({
  path: z.string().describe('Path of the field; empty for the whole object.'),
  op: z.enum(['add', 'remove', 'change']).describe('What happens to it.'),
  from: z.unknown().optional().describe('Value before; never of a Secret.'),
  to: z.unknown().optional().describe('Value after; never of a Secret.'),
});

const diffResult = component(
  'Diff',
  z
    .object({
      application: z.string().describe('`project/name`.'),
      environments: z
        .array(
          z.object({
            environment: z.string().describe('Name of the environment.'),
            from: versionField.optional(),
            to: versionField,
            unchangedCount: z.number().int().describe('Objects that are the same.'),
            objects: z
              .array(
                z.object({
                  key: z.string().describe('`group/Kind/namespace/name`.'),
                  change: z.enum(['Added', 'Removed', 'Changed']).describe('What happens to it.'),
                  fields: z.array(fieldDifference).readonly().describe('The fields that differ.'),
                }),
              )
              .readonly()
              .describe('Objects that differ, by key.'),
          }),
        )
        .readonly()
        .describe('Environments that have such versions.'),
    })
    .describe('What changes between two versions.'),
);

/** `GET /api/v1/applications` */
export const listApplications = operation({
  id: 'listApplications',
  method: 'GET',
  path: '/api/v1/applications',
  tag: 'Applications',
  access: 'viewer',
  summary: 'List applications by name, with how they are.',
  query: z.strictObject({
    ...pageQuery,
    project: z.string().max(63).optional().describe('Only those of this project.'),
  }),
  response: pageOf('ApplicationPage', applicationItem),
  errors: ['PLB-5102'],
  example: onePage(examples.application),
});

/** `GET /api/v1/applications/{project}/{name}` */
export const getApplication = operation({
  id: 'getApplication',
  method: 'GET',
  path: '/api/v1/applications/{project}/{name}',
  tag: 'Applications',
  access: 'viewer',
  summary: 'Show an application, with how it is.',
  params: applicationParams,
  query: itemQuery,
  response: applicationItem,
  errors: ['PLB-3101', 'PLB-5102'],
  example: examples.application,
});

/** `GET /api/v1/applications/{project}/{name}/status` */
export const getApplicationStatus = operation({
  id: 'getApplicationStatus',
  method: 'GET',
  path: '/api/v1/applications/{project}/{name}/status',
  tag: 'Applications',
  access: 'viewer',
  summary: 'Show an application with its environments, their newest and released versions and their targets.',
  params: applicationParams,
  query: itemQuery,
  response: applicationStatus,
  errors: ['PLB-1705', 'PLB-3101'],
  example: {
    application: examples.application,
    environments: [
      {
        ...examples.application.summary.environments[0],
        latest: examples.version,
        released: examples.version,
        targets: [examples.target],
      },
    ],
    position: 57,
  },
});

/** `GET /api/v1/applications/{project}/{name}/versions` */
export const listVersions = operation({
  id: 'listVersions',
  method: 'GET',
  path: '/api/v1/applications/{project}/{name}/versions',
  tag: 'Versions',
  access: 'viewer',
  summary: 'List versions by number, one item per environment.',
  params: applicationParams,
  query: z.strictObject({ ...pageQuery, environment: environmentText.describe('Only those of this environment.') }),
  response: pageOf('VersionPage', versionView),
  errors: ['PLB-3101', 'PLB-5102'],
  example: onePage(examples.version),
});

/** `GET /api/v1/applications/{project}/{name}/versions/{version}` */
export const getVersion = operation({
  id: 'getVersion',
  method: 'GET',
  path: '/api/v1/applications/{project}/{name}/versions/{version}',
  tag: 'Versions',
  access: 'viewer',
  summary: 'Show a version in every environment that it was rendered for.',
  params: versionParams,
  query: itemQuery,
  response: pageOf('VersionEnvironments', versionView),
  errors: ['PLB-1705', 'PLB-3101', 'PLB-3102'],
  example: onePage(examples.version),
});

/** `GET /api/v1/applications/{project}/{name}/history` */
export const getHistory = operation({
  id: 'getHistory',
  method: 'GET',
  path: '/api/v1/applications/{project}/{name}/history',
  tag: 'Versions',
  access: 'viewer',
  summary: 'Show versions newest first, with what was decided on them and what came of it.',
  params: applicationParams,
  query: listQuery,
  response: pageOf('HistoryPage', historyEntry),
  errors: ['PLB-1705', 'PLB-3101'],
  example: onePage({
    version: 4,
    repository: 'shop',
    revision: examples.sha,
    commit: examples.commit,
    renderedAt: examples.at,
    environments: [
      {
        environment: 'production',
        renderDigest: examples.digest,
        objectCount: 4,
        renderedAt: examples.at,
        decision: examples.released,
        verdicts: [],
        approvals: [examples.approval],
        releases: examples.releases,
        outcomes: [
          {
            cluster: 'eu-1',
            syncId: '0198c0f0',
            cause: 'Release',
            result: 'Succeeded',
            reason: 'Succeeded',
            message: '1 configured',
            counts: examples.counts,
            at: examples.at,
            durationMs: 840,
            position: 56,
          },
        ],
      },
    ],
  }),
});

/** `GET /api/v1/applications/{project}/{name}/diff` */
export const diffVersions = operation({
  id: 'diffVersions',
  method: 'GET',
  path: '/api/v1/applications/{project}/{name}/diff',
  tag: 'Versions',
  access: 'viewer',
  summary: 'Compare two rendered versions.',
  description:
    'An environment that a commit did not touch has no version of that number: the newest one up to it is taken. Values of Secrets are never shown.',
  params: applicationParams,
  query: z.strictObject({
    from: z.coerce
      .number<string | number>()
      .int()
      .min(0)
      .optional()
      .describe('Version before; what is released when absent, nothing when 0.'),
    to: z.coerce.number<string | number>().int().min(1).optional().describe('Version after; the newest when absent.'),
    environment: environmentText.describe('Only this environment.'),
    ...asOfQuery,
  }),
  response: diffResult,
  errors: ['PLB-1706', 'PLB-3101', 'PLB-3102', 'PLB-3201'],
  example: {
    application: 'default/web',
    environments: [
      {
        environment: 'production',
        from: 3,
        to: 4,
        unchangedCount: 3,
        objects: [
          {
            key: 'apps/Deployment/web/web',
            change: 'Changed',
            fields: [{ path: 'spec.replicas', op: 'change', from: 2, to: 3 }],
          },
        ],
      },
    ],
  },
});

/** `GET /api/v1/targets` */
export const listTargets = operation({
  id: 'listTargets',
  method: 'GET',
  path: '/api/v1/targets',
  tag: 'Targets',
  access: 'viewer',
  summary: 'List targets by application, environment and cluster.',
  query: z.strictObject({
    ...pageQuery,
    application: applicationText.optional().describe('`PROJECT/NAME`; `NAME` in project default.'),
    environment: environmentText.describe('Only those of this environment.'),
    cluster: z.string().max(63).optional().describe('Only those on this cluster.'),
  }),
  response: pageOf('TargetPage', targetView),
  errors: ['PLB-5102'],
  example: onePage(examples.target),
});

/** `GET /api/v1/approvals` */
export const listApprovals = operation({
  id: 'listApprovals',
  method: 'GET',
  path: '/api/v1/approvals',
  tag: 'Approvals',
  access: 'viewer',
  summary: 'List versions that wait for approvals.',
  query: z.strictObject({
    ...pageQuery,
    application: applicationText.optional().describe('`PROJECT/NAME`; `NAME` in project default.'),
  }),
  response: pageOf('ApprovalPage', approvalView),
  errors: ['PLB-5102'],
  example: onePage({
    application: 'default/web',
    environment: 'production',
    version: 4,
    renderDigest: examples.digest,
    required: 1,
    granted: [],
    excluded: [],
    requestedAt: examples.at,
    commit: examples.commit,
  }),
});
