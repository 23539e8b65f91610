// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { component } from '../component.js';
import type { Immutable } from '../immutable.js';
import { changeList, verdict } from './changes.js';
import { actor, commit, decisionCondition, digestField, positionField, timeField, versionField } from './fields.js';

export const approvalRecord = component(
  'ApprovalRecord',
  z
    .object({
      approver: z.string().describe('Id of the token.'),
      approverName: z.string().describe('Name of the token.'),
      comment: z.string().optional().describe('What the approver said.'),
      at: timeField,
      eventId: z.string().describe('Id of the ApprovalGranted event.'),
    })
    .describe('One approval that counted.'),
);

const release = component(
  'Release',
  z
    .object({
      releaseId: z.string().describe('Id of the release.'),
      generation: z.number().int().describe('Rises with every release of the environment.'),
      kind: z.string().describe('Automatic, Approved or Rollback.'),
      at: timeField,
      by: actor.describe('Who caused it.'),
      reason: z.string().optional().describe('Why.'),
      clusters: z.array(z.string()).readonly().describe('Clusters that it is for.'),
    })
    .describe('A permission to put a version on its targets.'),
);

const planView = z.object({
  planDigest: digestField.optional(),
  partial: z.boolean().describe('True when not every object could be tried.'),
  changes: changeList.optional(),
  error: z.string().optional().describe('Why there is no plan.'),
  guard: z.string().optional().describe('What a sync would refuse to do without confirmation.'),
  at: timeField,
});

export const versionView = component(
  'Version',
  z
    .object({
      application: z.string().describe('`project/name`.'),
      environment: z.string().describe('Name of the environment.'),
      version: versionField,
      repository: z.string().describe('Name of the repository.'),
      revision: z.string().describe('Commit that it was rendered from.'),
      commit,
      inputDigest: digestField,
      renderDigest: digestField,
      sourcesDigest: digestField,
      renderer: z.string().describe('Renderer and its version.'),
      objectCount: z.number().int().describe('Number of objects.'),
      namespace: z.string().optional().describe('Namespace for objects that name none.'),
      createNamespace: z.boolean().describe('Whether that namespace is created.'),
      renderedAt: timeField,
      position: positionField,
      eventId: z.string().describe('Id of the VersionRendered event.'),
      correlationId: z.string().describe('Correlation of the change.'),
      decision: decisionCondition.describe('How far the decision is.'),
      verdicts: z.array(verdict).readonly().describe('What the checks say.'),
      approvals: z
        .object({
          required: z.number().int().describe('How many are needed.'),
          granted: z.array(approvalRecord).readonly().describe('Those that counted.'),
          excluded: z.array(z.string()).readonly().describe('Addresses whose holders do not count.'),
        })
        .optional()
        .describe('Set when approvals were asked for.'),
      releases: z.array(release).readonly().describe('Its releases, oldest first.'),
      plans: z.record(z.string(), planView).describe('What a sync would do, by cluster.'),
    })
    .describe('A numbered, immutable desired state of an application in an environment.'),
);

export const approvalView = component(
  'Approval',
  z
    .object({
      application: z.string().describe('`project/name`.'),
      environment: z.string().describe('Name of the environment.'),
      version: versionField,
      renderDigest: z.string().describe('Digest that an approval is bound to.'),
      required: z.number().int().describe('How many are needed.'),
      granted: z.array(approvalRecord).readonly().describe('Those that counted.'),
      excluded: z.array(z.string()).readonly().describe('Addresses whose holders do not count.'),
      requestedAt: timeField,
      commit,
    })
    .describe('A version that waits for approvals.'),
);

/** One approval that counted. */
export type ApprovalRecord = Immutable<z.output<typeof approvalRecord>>;
/** One version of an application in one environment. */
export type VersionView = Immutable<z.output<typeof versionView>>;
/** A version that waits for approvals. */
export type ApprovalView = Immutable<z.output<typeof approvalView>>;
