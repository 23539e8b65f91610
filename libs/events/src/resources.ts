// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { duration, durationMs } from './duration.js';
import { subscriptionSpec } from './subscriptions.js';

/** The API version of Plumbline's declarative resources. */
export const API_VERSION = 'plumbline.dev/v1alpha1';

const name = z
  .string()
  .regex(
    /^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$/,
    'must be lower case letters, digits, "-" or ".", at most 63 characters',
  );
const labels = z.record(z.string().min(1).max(316), z.string().max(63)).readonly();
const relativePath = z
  .string()
  .refine(
    (path) => !path.startsWith('/') && !path.split('/').includes('..'),
    'must be a path inside the repository: no leading "/" and no ".."',
  );

/**
 * Selects clusters: every given label must match; `names` lists clusters by name. An empty selector selects nothing.
 */
export const clusterSelector = z
  .strictObject({
    matchLabels: labels.optional().describe('Labels that a cluster must have, all of them.'),
    names: z.array(name).readonly().optional().describe('Names of clusters.'),
  })
  .refine(
    (s) => Object.keys(s.matchLabels ?? {}).length > 0 || (s.names ?? []).length > 0,
    'give matchLabels or names',
  );
export type ClusterSelector = z.infer<typeof clusterSelector>;

/**
 * Spec of a Project: what its applications may use. In each list `*` allows everything, and a trailing `*` matches a
 * prefix.
 */
export const projectSpec = z.strictObject({
  description: z.string().max(1000).optional().describe('What the project is for.'),
  repositories: z
    .array(z.string())
    .readonly()
    .default(['*'])
    .describe('Names of repositories that applications may use; "*" for all; a trailing "*" matches a prefix.'),
  clusters: z
    .array(z.string())
    .readonly()
    .default(['*'])
    .describe('Names of clusters that applications may deploy to; "*" for all; a trailing "*" matches a prefix.'),
  namespaces: z
    .array(z.string())
    .readonly()
    .default(['*'])
    .describe('Namespaces that objects may live in; "*" for all; a trailing "*" matches a prefix.'),
  forbiddenKinds: z
    .array(z.string())
    .readonly()
    .default([])
    .describe(
      'Kinds that may not be deployed: "Kind" or "Kind.group", e.g. ClusterRoleBinding.rbac.authorization.k8s.io.',
    ),
});
export type ProjectSpec = z.infer<typeof projectSpec>;

/** Spec of a Repository: where it is, how to sign in (by reference only), how often to look. */
export const repositorySpec = z.strictObject({
  url: z
    .string()
    .min(1)
    .refine(
      (url) => /^(https?:\/\/|ssh:\/\/|file:\/\/|[\w.-]+@[\w.-]+:)/.test(url),
      'must be an http(s)://, ssh://, file:// or user@host:path URL',
    )
    .refine((url) => !/^https?:\/\/[^/@]*:[^/@]*@/.test(url), 'must not contain a password: use credentials')
    .describe('Where to fetch from; never with a password in it.'),
  interval: duration
    .default('60s')
    .refine((text) => durationMs(text) >= 1000, 'must be at least 1s')
    .describe('How often to look for new commits.'),
  credentials: z
    .strictObject({
      usernameFile: z.string().optional().describe('File with the user name.'),
      passwordFile: z.string().optional().describe('File with the password or token.'),
      usernameEnv: z
        .string()
        .regex(/^PLUMBLINE_CRED_[A-Z0-9_]+$/)
        .optional()
        .describe('Environment variable with the user name.'),
      passwordEnv: z
        .string()
        .regex(/^PLUMBLINE_CRED_[A-Z0-9_]+$/)
        .optional()
        .describe('Environment variable with the password or token.'),
      sshKeyFile: z.string().optional().describe('File with the private SSH key.'),
    })
    .optional()
    .describe('References to credentials held by the watcher, never the values.'),
  resources: z
    .strictObject({
      ref: z.string().min(1).max(250).default('main').describe('Branch, tag or commit that holds the resources.'),
      path: relativePath.default('.').describe('Directory with YAML or JSON files of resources.'),
      prune: z
        .boolean()
        .default(true)
        .describe('Remove resources that this repository declared before and declares no longer.'),
    })
    .optional()
    .describe(
      'Follow resources (applications, clusters, projects, other repositories) that are declared in this repository.',
    ),
  webhookSecretFile: z
    .string()
    .optional()
    .describe('File, readable by the gateway, with the secret that webhooks of this repository are signed with.'),
});
export type RepositorySpec = z.infer<typeof repositorySpec>;

const clusterConnections = {
  kubeconfig: z
    .strictObject({
      path: z.string().min(1).describe('File, readable by the applier.'),
      context: z.string().optional().describe('Context in it; its current one when absent.'),
    })
    .optional()
    .describe('By a kubeconfig file.'),
  inCluster: z
    .strictObject({})
    .optional()
    .describe('The cluster that the applier itself runs in, by its service account.'),
};

/** What to do about a cluster that is declared with `simulated: {}`, which only versions before 0.2 support. */
export const SIMULATED_REMEDY =
  'spec.simulated is no longer supported: start plumbline-simulated-cluster and give its kubeconfig as spec.kubeconfig.path';

const isOne = (...connections: readonly unknown[]): boolean =>
  connections.filter((connection) => connection !== undefined).length === 1;

/** Spec of a Cluster: how the applier connects to it. Exactly one way. */
export const clusterSpec = z
  .strictObject(clusterConnections, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' && issue.keys.includes('simulated') ? SIMULATED_REMEDY : undefined,
  })
  .refine((spec) => isOne(spec.kubeconfig, spec.inCluster), 'give exactly one of kubeconfig, inCluster');
export type ClusterSpec = z.infer<typeof clusterSpec>;

/**
 * Spec of a Cluster in recorded events, which include those of versions that ran simulated clusters inside the
 * applier.
 */
export const recordedClusterSpec = z
  .strictObject({
    ...clusterConnections,
    simulated: z
      .strictObject({})
      .optional()
      .describe('Recorded by versions before 0.2. Not supported: the cluster cannot be connected.'),
  })
  .refine(
    (spec) => isOne(spec.kubeconfig, spec.inCluster, spec.simulated),
    'give exactly one of kubeconfig, inCluster, simulated',
  );
export type RecordedClusterSpec = z.infer<typeof recordedClusterSpec>;

/** How a target of an environment is synced. */
export const syncSpec = z.strictObject({
  prune: z.boolean().default(true).describe('Delete objects that left the rendered set.'),
  selfHeal: z.boolean().default(true).describe('Undo drift on fields that we own.'),
  timeout: duration.default('5m').describe('How long a sync waits for health before it is Failed.'),
  allowEmpty: z
    .boolean()
    .default(false)
    .describe('Let a render without objects prune everything without confirmation.'),
  atomic: z.boolean().default(false).describe('Validate the whole set first: one bad object and nothing is written.'),
});
export type SyncSpec = z.infer<typeof syncSpec>;

/** Spec of an environment of an Application. */
export const environmentSpec = z.strictObject({
  name: name.describe('Name of the environment.'),
  after: z
    .array(name)
    .readonly()
    .default([])
    .describe('Environments that must be Synced and Healthy at the version first.'),
  clusters: clusterSelector.describe('Clusters that it is for.'),
  path: relativePath.optional().describe('Overlay directory; the application path when absent.'),
  namespace: name.optional().describe('For objects that name none; that of the application when absent.'),
  approvals: z
    .strictObject({
      required: z.number().int().min(0).max(20).default(1).describe('How many are needed.'),
      excludeAuthors: z.boolean().default(true).describe('Authors of the commit do not count.'),
    })
    .optional()
    .describe('Approvals that a version needs before its release; none when absent.'),
  sync: syncSpec.prefault({}).describe('How its targets are synced.'),
});
export type EnvironmentSpec = z.infer<typeof environmentSpec>;

/** Spec of an Application. */
export const applicationSpec = z
  .strictObject({
    repository: name.describe('Name of the repository.'),
    ref: z
      .string()
      .min(1)
      .max(250)
      .default('main')
      .describe('Branch, tag or commit; refs/heads/… and refs/tags/… are exact.'),
    path: relativePath.default('.').describe('Directory in the repository.'),
    renderer: z
      .enum(['auto', 'plain', 'kustomize'])
      .default('auto')
      .describe('auto: kustomize when the directory has a kustomization file, else plain.'),
    namespace: name.optional().describe('For objects that name none.'),
    createNamespace: z.boolean().default(true).describe('Create that namespace where it is missing.'),
    environments: z.array(environmentSpec).min(1).max(50).readonly().describe('Its stages, in order.'),
  })
  .superRefine((spec, context) => {
    const seen = new Set<string>();
    for (const [index, environment] of spec.environments.entries()) {
      if (seen.has(environment.name)) {
        context.addIssue({
          code: 'custom',
          path: ['environments', index, 'name'],
          message: `environment "${environment.name}" is declared twice`,
        });
      }
      for (const before of environment.after) {
        if (!seen.has(before)) {
          context.addIssue({
            code: 'custom',
            path: ['environments', index, 'after'],
            message: `"${before}" must be an environment declared above "${environment.name}"`,
          });
        }
      }
      seen.add(environment.name);
    }
  });
export type ApplicationSpec = z.infer<typeof applicationSpec>;

const resourceName = name.describe('Name of the resource, unique in its kind (and project).');
const resourceLabels = labels.default({}).describe('Labels, for selecting.');
const metadata = z.strictObject({ name: resourceName, labels: resourceLabels }).describe('Name and labels.');
const projectMetadata = z
  .strictObject({
    name: resourceName,
    project: name.default('default').describe('Project that it belongs to.'),
    labels: resourceLabels,
  })
  .describe('Name, project and labels.');
const apiVersion = z.literal(API_VERSION).describe('Version of the form of the resource.');
function kind<Kind extends string>(name: Kind): z.ZodLiteral<Kind> {
  return z.literal(name).describe('Kind of the resource.');
}
const SPEC = 'What is declared.';

/** Any declarative resource, as `plumb apply -f` takes it. */
export const resource = z.discriminatedUnion('kind', [
  z.strictObject({ apiVersion, kind: kind('Project'), metadata, spec: projectSpec.prefault({}).describe(SPEC) }),
  z.strictObject({ apiVersion, kind: kind('Repository'), metadata, spec: repositorySpec.describe(SPEC) }),
  z.strictObject({ apiVersion, kind: kind('Cluster'), metadata, spec: clusterSpec.describe(SPEC) }),
  z.strictObject({
    apiVersion,
    kind: kind('Application'),
    metadata: projectMetadata,
    spec: applicationSpec.describe(SPEC),
  }),
  z.strictObject({ apiVersion, kind: kind('Subscription'), metadata, spec: subscriptionSpec.describe(SPEC) }),
]);
/** A validated resource with its defaults filled in. */
export type Resource = z.infer<typeof resource>;
/** Kinds of declarative resources. */
export type ResourceKind = Resource['kind'];
