// SPDX-License-Identifier: Apache-2.0
import { resource } from '@plumbline/events';
import { z } from 'zod';
import { component } from '../component.js';
import { changeResult } from '../documents/accepted.js';
import { positionField } from '../documents/fields.js';
import { clusterView, projectView, repositoryView } from '../documents/resources.js';
import { examples, onePage } from '../examples.js';
import { operation } from '../operation.js';
import { applicationParams, itemQuery, nameParams, pageOf, listQuery, queryFlag } from '../queries.js';

const removed = { action: 'removed', position: 57 };

const applyBody = component(
  'ApplyRequest',
  z
    .strictObject({
      resources: z.array(resource).max(1000).readonly().describe('What is wanted; the order does not matter.'),
      prune: z
        .strictObject({
          labelSelector: z
            .record(z.string().min(1), z.string())
            .refine((labels) => Object.keys(labels).length > 0, 'must name at least one label')
            .describe('Labels that select.'),
        })
        .optional()
        .describe(
          'Remove what carries these labels and is not in the list. Objects of removed applications are deleted from their clusters.',
        ),
      dryRun: z.boolean().default(false).describe('Check and compare only.'),
    })
    .describe('Resources to declare.'),
);

const applyResult = component(
  'ApplyResult',
  z
    .object({
      dryRun: z.boolean().describe('True when nothing was written.'),
      resources: z
        .array(
          z.object({
            kind: z
              .enum(['Project', 'Repository', 'Cluster', 'Application', 'Subscription'])
              .describe('Kind of the resource.'),
            id: z.string().describe('`NAME`, or `PROJECT/NAME` for an application.'),
            action: z.enum(['created', 'configured', 'unchanged', 'pruned']).describe('What was done, or would be.'),
            fields: z.array(z.string()).readonly().describe('Dotted paths of the fields that changed.'),
          }),
        )
        .readonly()
        .describe('One entry per resource, projects first.'),
      position: positionField,
    })
    .describe('What an apply did, or would do.'),
);

/** `POST /api/v1/resources:apply` */
export const applyResources = operation({
  id: 'applyResources',
  method: 'POST',
  path: '/api/v1/resources:apply',
  tag: 'Resources',
  access: 'operator',
  summary:
    'Declare projects, repositories, clusters, applications and subscriptions: all of them or none. Sending the same again changes nothing.',
  description: 'Operators may declare applications, within the limits of their project; all else belongs to admins.',
  body: applyBody,
  response: applyResult,
  errors: ['PLB-1702', 'PLB-1703', 'PLB-1704', 'PLB-1705', 'PLB-1714', 'PLB-4701', 'PLB-4704'],
  bodyExample: { resources: [examples.resource] },
  example: {
    dryRun: false,
    resources: [
      {
        kind: 'Application',
        id: 'default/web',
        action: 'configured',
        fields: ['spec.environments.staging.clusters.matchLabels.tier'],
      },
    ],
    position: 57,
  },
});

/** `DELETE /api/v1/projects/{name}` */
export const deleteProject = operation({
  id: 'deleteProject',
  method: 'DELETE',
  path: '/api/v1/projects/{name}',
  tag: 'Resources',
  access: 'admin',
  summary: 'Remove a project that has no application.',
  params: nameParams,
  response: changeResult,
  errors: ['PLB-3105', 'PLB-4701', 'PLB-4704'],
  example: removed,
});

/** `DELETE /api/v1/repositories/{name}` */
export const deleteRepository = operation({
  id: 'deleteRepository',
  method: 'DELETE',
  path: '/api/v1/repositories/{name}',
  tag: 'Resources',
  access: 'admin',
  summary: 'Remove a repository that no application uses.',
  params: nameParams,
  response: changeResult,
  errors: ['PLB-3103', 'PLB-4701', 'PLB-4704'],
  example: removed,
});

/** `DELETE /api/v1/clusters/{name}` */
export const deleteCluster = operation({
  id: 'deleteCluster',
  method: 'DELETE',
  path: '/api/v1/clusters/{name}',
  tag: 'Resources',
  access: 'admin',
  summary: 'Remove a cluster on which nothing of ours is left.',
  params: nameParams,
  query: z.strictObject({
    force: queryFlag.default(false).describe('Forget the cluster although objects of ours may still be on it.'),
  }),
  response: changeResult,
  errors: ['PLB-3104', 'PLB-4701', 'PLB-4704'],
  example: removed,
});

/** `DELETE /api/v1/applications/{project}/{name}` */
export const deleteApplication = operation({
  id: 'deleteApplication',
  method: 'DELETE',
  path: '/api/v1/applications/{project}/{name}',
  tag: 'Resources',
  access: 'operator',
  summary: 'Remove an application.',
  params: applicationParams,
  query: z.strictObject({
    mode: z
      .enum(['delete', 'orphan'])
      .default('delete')
      .describe('`delete` removes its objects from the clusters, `orphan` leaves them there.'),
  }),
  response: changeResult,
  errors: ['PLB-3101', 'PLB-4704'],
  example: removed,
});

/** `GET /api/v1/projects` */
export const listProjects = operation({
  id: 'listProjects',
  method: 'GET',
  path: '/api/v1/projects',
  tag: 'Resources',
  access: 'viewer',
  summary: 'List projects by name.',
  query: listQuery,
  response: pageOf('ProjectPage', projectView),
  errors: ['PLB-5102'],
  example: onePage(examples.project),
});

/** `GET /api/v1/projects/{name}` */
export const getProject = operation({
  id: 'getProject',
  method: 'GET',
  path: '/api/v1/projects/{name}',
  tag: 'Resources',
  access: 'viewer',
  summary: 'Show a project.',
  params: nameParams,
  query: itemQuery,
  response: projectView,
  errors: ['PLB-3105', 'PLB-5102'],
  example: examples.project,
});

/** `GET /api/v1/repositories` */
export const listRepositories = operation({
  id: 'listRepositories',
  method: 'GET',
  path: '/api/v1/repositories',
  tag: 'Resources',
  access: 'viewer',
  summary: 'List repositories by name.',
  query: listQuery,
  response: pageOf('RepositoryPage', repositoryView),
  errors: ['PLB-5102'],
  example: onePage(examples.repository),
});

/** `GET /api/v1/repositories/{name}` */
export const getRepository = operation({
  id: 'getRepository',
  method: 'GET',
  path: '/api/v1/repositories/{name}',
  tag: 'Resources',
  access: 'viewer',
  summary: 'Show a repository and what its refs point to.',
  params: nameParams,
  query: itemQuery,
  response: repositoryView,
  errors: ['PLB-3103', 'PLB-5102'],
  example: examples.repository,
});

/** `GET /api/v1/clusters` */
export const listClusters = operation({
  id: 'listClusters',
  method: 'GET',
  path: '/api/v1/clusters',
  tag: 'Resources',
  access: 'viewer',
  summary: 'List clusters by name.',
  query: listQuery,
  response: pageOf('ClusterPage', clusterView),
  errors: ['PLB-5102'],
  example: onePage(examples.cluster),
});

/** `GET /api/v1/clusters/{name}` */
export const getCluster = operation({
  id: 'getCluster',
  method: 'GET',
  path: '/api/v1/clusters/{name}',
  tag: 'Resources',
  access: 'viewer',
  summary: 'Show a cluster and its connection.',
  params: nameParams,
  query: itemQuery,
  response: clusterView,
  errors: ['PLB-3104', 'PLB-5102'],
  example: examples.cluster,
});
