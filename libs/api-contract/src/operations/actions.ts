// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { component } from '../component.js';
import { accepted, acceptedResult, changeResult } from '../documents/accepted.js';
import { changeList } from '../documents/changes.js';
import { digestField, versionField } from '../documents/fields.js';
import { examples } from '../examples.js';
import { operation } from '../operation.js';
import { applicationParams, nameParams, versionParams } from '../queries.js';

const environment = z.string().min(1).max(63).optional().describe('Name of the environment; every one when absent.');
const timeoutMs = z
  .number()
  .int()
  .min(0)
  .max(600_000)
  .default(30_000)
  .describe('How long to wait for the answer, in milliseconds; 0 does not wait.');

const approvalBody = component(
  'ApprovalRequest',
  z
    .strictObject({
      environment: z
        .string()
        .min(1)
        .max(63)
        .optional()
        .describe('May be left out when the version waits in one environment only.'),
      renderDigest: z
        .string()
        .regex(/^sha256:[0-9a-f]{64}$/)
        .optional()
        .describe('Digest of what you looked at; the answer is Refused when the version has another.'),
      comment: z.string().max(2000).optional().describe('Why; kept in the log.'),
      timeoutMs,
    })
    .describe('What to approve or reject.'),
);

const approvalResult = component(
  'ApprovalResult',
  z
    .object({
      ...accepted,
      environment: z.string().describe('Name of the environment.'),
      version: versionField,
      renderDigest: digestField,
      outcome: z
        .enum(['Granted', 'Refused', 'Rejected', 'Pending'])
        .describe('What policy answered; `Pending` when it did not in time.'),
      granted: z.number().int().optional().describe('Approvals that counted so far.'),
      required: z.number().int().optional().describe('Approvals that are needed.'),
      reason: z.string().optional().describe('Why it was refused, in one word.'),
      message: z.string().optional().describe('Why it was refused, for people.'),
    })
    .describe('Answer to an approval or a rejection.'),
);

const planResult = component(
  'PlanResult',
  z
    .object({
      ...accepted,
      complete: z.boolean().describe('False when some plan did not come in time.'),
      plans: z
        .array(
          z.object({
            environment: z.string().describe('Name of the environment.'),
            cluster: z.string().describe('Name of the cluster.'),
            state: z.enum(['Computed', 'Failed', 'Pending']).describe('Whether there is a plan.'),
            version: versionField.optional(),
            renderDigest: digestField.optional(),
            planDigest: digestField.optional(),
            partial: z.boolean().optional().describe('True when not every object could be tried against the cluster.'),
            changes: changeList.optional(),
            guard: z.string().optional().describe('What a sync would refuse to do without confirmation.'),
            reason: z.string().optional().describe('Why there is no plan, in one word.'),
            message: z.string().optional().describe('Why there is no plan, for people.'),
          }),
        )
        .readonly()
        .describe('One per target.'),
    })
    .describe('What a sync would do now.'),
);

const rollbackResult = component(
  'RollbackResult',
  z
    .object({
      ...accepted,
      outcome: z
        .enum(['Released', 'Refused', 'Pending'])
        .describe('What policy answered; `Pending` when it did not in time.'),
      releases: z
        .array(
          z.object({
            environment: z.string().describe('Name of the environment.'),
            version: versionField,
            releaseId: z.string().describe('Id of the release.'),
            generation: z.number().int().describe('Generation of the release.'),
            clusters: z.array(z.string()).readonly().describe('Clusters that it is for.'),
          }),
        )
        .readonly()
        .describe('What was released.'),
      reason: z.string().optional().describe('Why it was refused, in one word.'),
      message: z.string().optional().describe('Why it was refused, for people.'),
    })
    .describe('Answer to a rollback.'),
);

const approvalExample = { ...examples.accepted, environment: 'production', version: 4, renderDigest: examples.digest };

/** `POST /api/v1/applications/{project}/{name}/plan` */
export const planApplication = operation({
  id: 'planApplication',
  method: 'POST',
  path: '/api/v1/applications/{project}/{name}/plan',
  tag: 'Applications',
  access: 'operator',
  summary: 'Ask what a sync would do now, and wait for the plan of every target.',
  params: applicationParams,
  body: component(
    'PlanRequest',
    z
      .strictObject({
        environment,
        version: z.number().int().min(1).optional().describe('Number of the version; the newest when absent.'),
        timeoutMs,
      })
      .describe('What to plan.'),
  ),
  response: planResult,
  errors: ['PLB-3101', 'PLB-3107'],
  bodyExample: { environment: 'production' },
  example: {
    ...examples.accepted,
    complete: true,
    plans: [
      {
        environment: 'production',
        cluster: 'eu-1',
        state: 'Computed',
        version: 4,
        renderDigest: examples.digest,
        planDigest: examples.digest,
        partial: false,
        changes: {
          counts: examples.counts,
          digest: examples.digest,
          inline: [
            { key: 'apps/Deployment/web/web', apiVersion: 'apps/v1', action: 'Configured', fields: ['spec.replicas'] },
          ],
          truncated: false,
        },
      },
    ],
  },
});

/** `POST …/versions/{version}/approve` */
export const approveVersion = operation({
  id: 'approveVersion',
  method: 'POST',
  path: '/api/v1/applications/{project}/{name}/versions/{version}/approve',
  tag: 'Approvals',
  access: 'operator',
  summary: 'Approve a version, bound to the digest of its rendered objects.',
  params: versionParams,
  body: approvalBody,
  response: approvalResult,
  errors: ['PLB-3101', 'PLB-3102', 'PLB-3107', 'PLB-4703'],
  bodyExample: { environment: 'production', comment: 'looks right' },
  example: { ...approvalExample, outcome: 'Granted', granted: 1, required: 1 },
});

/** `POST …/versions/{version}/reject` */
export const rejectVersion = operation({
  id: 'rejectVersion',
  method: 'POST',
  path: '/api/v1/applications/{project}/{name}/versions/{version}/reject',
  tag: 'Approvals',
  access: 'operator',
  summary: 'Reject a version: it is not released.',
  params: versionParams,
  body: approvalBody,
  response: approvalResult,
  errors: ['PLB-3101', 'PLB-3102', 'PLB-3107', 'PLB-4703'],
  bodyExample: { comment: 'not before Monday' },
  example: { ...approvalExample, outcome: 'Rejected' },
});

/** `POST …/sync` */
export const syncApplication = operation({
  id: 'syncApplication',
  method: 'POST',
  path: '/api/v1/applications/{project}/{name}/sync',
  tag: 'Applications',
  access: 'operator',
  status: 202,
  summary: 'Sync the released version now, also where nothing seems to differ.',
  params: applicationParams,
  body: component(
    'SyncRequest',
    z
      .strictObject({
        environment,
        cluster: z.string().min(1).max(63).optional().describe('Name of the cluster; every one when absent.'),
        confirmPrune: z.boolean().default(false).describe('Confirm deletions that a guard refused.'),
      })
      .describe('What to sync.'),
  ),
  response: acceptedResult,
  errors: ['PLB-3101', 'PLB-3107', 'PLB-3108'],
  bodyExample: { environment: 'production' },
  example: examples.accepted,
});

/** `POST …/rollback` */
export const rollbackApplication = operation({
  id: 'rollbackApplication',
  method: 'POST',
  path: '/api/v1/applications/{project}/{name}/rollback',
  tag: 'Applications',
  access: 'operator',
  summary: 'Release a stored version again. It holds until a new commit makes a new version.',
  params: applicationParams,
  body: component(
    'RollbackRequest',
    z
      .strictObject({
        toVersion: z
          .number()
          .int()
          .min(1)
          .describe('Number of the version; an environment without it takes its newest one below.'),
        environment,
        reason: z.string().max(1000).optional().describe('Why; kept in the log.'),
        timeoutMs,
      })
      .describe('What to go back to.'),
  ),
  response: rollbackResult,
  errors: ['PLB-3101', 'PLB-3102', 'PLB-3107'],
  bodyExample: { toVersion: 3, reason: 'errors at checkout' },
  example: {
    ...examples.accepted,
    outcome: 'Released',
    releases: [{ environment: 'production', version: 3, releaseId: '0198c0f1', generation: 5, clusters: ['eu-1'] }],
  },
});

/** `POST …/suspend` */
export const suspendApplication = operation({
  id: 'suspendApplication',
  method: 'POST',
  path: '/api/v1/applications/{project}/{name}/suspend',
  tag: 'Applications',
  access: 'operator',
  summary: 'Suspend an application: its targets are watched and not touched.',
  params: applicationParams,
  body: component(
    'SuspendRequest',
    z
      .strictObject({ reason: z.string().max(1000).optional().describe('Why; kept in the log.') })
      .describe('Why to suspend.'),
  ),
  response: changeResult,
  errors: ['PLB-3101'],
  bodyExample: { reason: 'migration' },
  example: { action: 'suspended', position: 57 },
});

/** `POST …/resume` */
export const resumeApplication = operation({
  id: 'resumeApplication',
  method: 'POST',
  path: '/api/v1/applications/{project}/{name}/resume',
  tag: 'Applications',
  access: 'operator',
  summary: 'Let a suspended application go on.',
  params: applicationParams,
  response: changeResult,
  errors: ['PLB-3101'],
  example: { action: 'resumed', position: 57 },
});

/** `POST /api/v1/repositories/{name}/refresh` */
export const refreshRepository = operation({
  id: 'refreshRepository',
  method: 'POST',
  path: '/api/v1/repositories/{name}/refresh',
  tag: 'Resources',
  access: 'operator',
  status: 202,
  summary: 'Look at a repository now.',
  params: nameParams,
  response: acceptedResult,
  errors: ['PLB-3103'],
  example: examples.accepted,
});
