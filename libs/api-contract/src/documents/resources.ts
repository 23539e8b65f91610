// SPDX-License-Identifier: Apache-2.0
import { projectSpec, recordedClusterSpec, repositorySpec } from '@plumbline/events';
import { z } from 'zod';
import { component } from '../component.js';
import type { Immutable } from '../immutable.js';
import { commit, conditionOf, digestField, labelsField, positionField, provenance, timeField } from './fields.js';

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
      spec: recordedClusterSpec.describe('How the applier connects to it.'),
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

/** A project as declared. */
export type ProjectView = Immutable<z.output<typeof projectView>>;
/** What a ref of a repository points to. */
export type RefView = Immutable<z.output<typeof refView>>;
/** A repository, its connection and its refs. */
export type RepositoryView = Immutable<z.output<typeof repositoryView>>;
/** A cluster and its connection. */
export type ClusterView = Immutable<z.output<typeof clusterView>>;
