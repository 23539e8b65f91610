// SPDX-License-Identifier: Apache-2.0
import { HealthState, SyncState } from '@plumbline/core';
import { applicationSpec, changeAction, clusterSpec, projectSpec, repositorySpec, syncCause } from '@plumbline/events';
import { z } from 'zod';
import { momentQuery } from '../reads/moment.js';

/** Schemas that the API document shows under a name of their own. */
export const named = z.registry<{ id: string }>();

/** Registers a schema under a name in the API document. */
export function component<Schema extends z.ZodType>(id: string, schema: Schema): Schema {
  named.add(schema, { id });
  return schema;
}

export const positionField = z.number().int().describe('Index of an event in the log, from 0; -1 for an empty log.');
export const timeField = z.string().describe('RFC 3339, UTC.');
export const labelsField = z.record(z.string(), z.string()).describe('Labels by name.');
export const versionField = z.number().int().describe('Number of the version.');
export const digestField = z.string().describe('`sha256:` and 64 hex digits.');

const actor = component(
  'Actor',
  z
    .object({
      kind: z.enum(['user', 'service', 'agent', 'system']).describe('What kind of actor it is.'),
      id: z.string().describe('Stable id: of the token for users, the name of the service for services.'),
      name: z.string().describe('Name for people.'),
    })
    .describe('Who caused an event.'),
);

function conditionOf<States extends readonly [string, ...string[]]>(
  id: string,
  states: States,
): z.ZodObject<{
  state: z.ZodEnum<z.core.util.ToEnum<States[number]>>;
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

const provenance = component(
  'Provenance',
  z
    .object({
      position: positionField,
      at: timeField,
      by: actor.describe('Who declared it.'),
    })
    .describe('The event that a declaration came from.'),
);

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

const verdict = component(
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

export const projectView = component(
  'Project',
  z
    .object({
      name: z.string().describe('Name of the project.'),
      labels: labelsField,
      spec: projectSpec.describe('What its applications may use.'),
      declared: provenance.describe('Where the declaration came from.'),
    })
    .describe('A project: a fence around applications.'),
);

const refView = z.object({
  revision: z.string().describe('Commit that the ref points to.'),
  commit,
  observedAt: timeField,
  position: positionField,
  eventId: z.string().describe('Id of the RevisionObserved event.'),
  correlationId: z.string().describe('Correlation of the change that the commit began.'),
  missing: z
    .string()
    .optional()
    .describe('Set while the ref does not exist at the source; the last good revision stays in force.'),
});

export const repositoryView = component(
  'Repository',
  z
    .object({
      name: z.string().describe('Name of the repository.'),
      labels: labelsField,
      spec: repositorySpec.describe('Where it is and how to sign in.'),
      declared: provenance.describe('Where the declaration came from.'),
      connection: conditionOf('RepositoryConnection', ['Ready', 'Unreachable', 'Unknown']).describe(
        'Whether it can be fetched.',
      ),
      refs: z.record(z.string(), refView).describe('What is known of each ref that an application wants.'),
      resources: z
        .object({
          revision: z.string().describe('Newest commit whose resources were read.'),
          digest: digestField.optional(),
          state: z.enum(['Read', 'Applied', 'Refused', 'Unreadable']).describe('Whether they are in force.'),
          message: z.string().describe('Why not, for people.'),
          at: timeField,
          eventId: z.string().describe('Id of the event that tells so.'),
          correlationId: z.string().describe('Correlation of the change that the commit began.'),
        })
        .optional()
        .describe('Set when resources are followed in the repository.'),
    })
    .describe('A Git repository.'),
);

export const clusterView = component(
  'Cluster',
  z
    .object({
      name: z.string().describe('Name of the cluster.'),
      labels: labelsField,
      spec: clusterSpec.describe('How the applier connects to it.'),
      declared: provenance.describe('Where the declaration came from.'),
      connection: conditionOf('ClusterConnection', ['Connected', 'Unreachable', 'Unknown']).describe(
        'Whether it can be reached.',
      ),
      uid: z.string().optional().describe('UID of its kube-system namespace: who the cluster really is.'),
      kubernetesVersion: z.string().optional().describe('Version of its API server.'),
      apisDigest: z.string().optional().describe('Digest of the APIs that it serves.'),
    })
    .describe('A Kubernetes cluster.'),
);

const renderError = z
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

export const tokenView = component(
  'Token',
  z
    .object({
      id: z.string().describe('Id of the token: the actor of what is done with it.'),
      name: z.string().describe('Name for people.'),
      role: z.enum(['viewer', 'operator', 'admin']).describe('What it may do.'),
      emails: z.array(z.string()).readonly().describe('Addresses of the holder in commits.'),
      issuedAt: timeField,
      expiresAt: z.string().optional().describe('When it ends; never when absent.'),
      revokedAt: z.string().optional().describe('When it was revoked.'),
    })
    .describe('An access token, without the token.'),
);

export const eventEnvelope = component(
  'Event',
  z
    .looseObject({
      id: z.string().describe('Id of the event.'),
      type: z.string().describe('Type of the event, e.g. VersionReleased.'),
      schemaVersion: z.number().int().describe('Version of the schema of `data`.'),
      stream: z.string().describe('Stream of one aggregate.'),
      revision: z.number().int().describe('Index in the stream.'),
      position: positionField,
      occurredAt: timeField,
      recordedAt: timeField,
      actor: actor.describe('Who caused it.'),
      causationId: z.string().describe('Id of the event or request that led to it.'),
      correlationId: z.string().describe('Shared by the whole way of one change.'),
      data: z.record(z.string(), z.unknown()).describe('What happened; fields by type.'),
    })
    .describe('One event of the log.'),
);

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

/** A page of a list. */
export function pageOf<Item extends z.ZodType>(
  id: string,
  item: Item,
): z.ZodObject<{ items: z.ZodReadonly<z.ZodArray<Item>>; cursor: z.ZodOptional<z.ZodString>; position: z.ZodNumber }> {
  return component(
    id,
    z
      .object({
        items: z.array(item).readonly().describe('The items.'),
        cursor: z.string().optional().describe('Give it back for the next page; absent on the last.'),
        position: z.number().int().describe('The page reflects all events up to and including this position.'),
      })
      .describe('One page of a list.'),
  );
}

/** Query of every list. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(500).default(100).describe('Items on a page at most.'),
  cursor: z.string().max(1000).optional().describe('From the page before.'),
  minPosition: z.coerce
    .number()
    .int()
    .min(-1)
    .optional()
    .describe('Wait until the answer reflects all events up to and including this position.'),
  ...momentQuery,
};

/** Query of a single item. */
export const itemQuery = z.strictObject({ minPosition: pageQuery.minPosition, ...momentQuery });

const nameText = z.string().min(1).max(63);
export const nameParams = z.strictObject({ name: nameText.describe('Name.') });
export const applicationParams = z.strictObject({
  project: nameText.describe('Name of the project.'),
  name: nameText.describe('Name of the application.'),
});
export const versionParams = z.strictObject({
  ...applicationParams.shape,
  version: z.coerce.number().int().min(1).describe('Number of the version.'),
});
/** An application in a query: `NAME` (project default) or `PROJECT/NAME`. */
export const applicationText = z
  .string()
  .max(130)
  .transform((text) => (text.includes('/') ? text : `default/${text}`));
