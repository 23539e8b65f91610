// SPDX-License-Identifier: Apache-2.0

// One story for all examples of the API document: shop/web at version 4.
const at = '2026-03-02T15:04:05.123456Z';
const digest = 'sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';
const actor = { kind: 'user', id: '0198c0de', name: 'anna' };
const sha = '3f786850e387550fdab836ed7e6dc881de23001b';
const person = { name: 'Anna', email: 'anna@example.com' };
const commit = {
  sha,
  author: person,
  committer: person,
  coAuthors: [],
  message: 'Raise replicas',
  authoredAt: at,
  committedAt: at,
};
const declared = { position: 12, at, by: actor };
const synced = { state: 'Synced', reason: 'Succeeded', message: 'version 4', since: at };
const healthy = { state: 'Healthy', reason: 'AllHealthy', message: '4 objects', since: at };
const released = { state: 'Released', reason: 'Approved', message: 'released (approved)', since: at };
const environment = {
  name: 'production',
  after: ['staging'],
  clusters: { matchLabels: { tier: 'production' } },
  approvals: { required: 1, excludeAuthors: true },
  sync: { prune: true, selfHeal: true, timeout: '5m', allowEmpty: false, atomic: false },
};
const spec = {
  repository: 'shop',
  ref: 'main',
  path: 'deploy/web',
  renderer: 'auto',
  namespace: 'web',
  createNamespace: true,
  environments: [
    { name: 'staging', after: [], clusters: { matchLabels: { tier: 'staging' } }, sync: environment.sync },
    environment,
  ],
};
const counts = { Configured: 1, Unchanged: 3 };
const releases = [{ releaseId: '0198c0df', generation: 4, kind: 'Approved', at, by: actor, clusters: ['eu-1'] }];
const approval = { approver: '0198c0de', approverName: 'anna', at, eventId: '0198c0e0' };

const application = {
  id: 'default/web',
  project: 'default',
  name: 'web',
  labels: {},
  spec,
  declared,
  latestVersion: 4,
  environments: {
    production: {
      name: 'production',
      latestVersion: 4,
      latestRevision: sha,
      latestRenderDigest: digest,
      latestInputDigest: digest,
    },
  },
  summary: {
    sync: synced,
    health: healthy,
    environments: [
      {
        name: 'production',
        latestVersion: 4,
        releasedVersion: 4,
        decision: released,
        sync: synced,
        health: healthy,
        targetCount: 1,
      },
    ],
  },
};
const version = {
  application: 'default/web',
  environment: 'production',
  version: 4,
  repository: 'shop',
  revision: sha,
  commit,
  inputDigest: digest,
  renderDigest: digest,
  sourcesDigest: digest,
  renderer: 'kustomize 5.7.1',
  objectCount: 4,
  namespace: 'web',
  createNamespace: true,
  renderedAt: at,
  position: 40,
  eventId: '0198c0e1',
  correlationId: '0198c0e2',
  decision: released,
  verdicts: [{ check: 'schema', result: 'Pass', message: 'all objects fit' }],
  approvals: { required: 1, granted: [approval], excluded: ['anna@example.com'] },
  releases,
  plans: {},
};
const target = {
  id: 'default/web/production/eu-1',
  application: 'default/web',
  environment: 'production',
  cluster: 'eu-1',
  desiredVersion: 4,
  version: 4,
  renderDigest: digest,
  sync: synced,
  health: healthy,
  unhealthy: [],
  drift: [],
  objectCount: 4,
};
const accepted = {
  position: 57,
  eventId: '0198c0e3-1111-7222-8333-444444444444',
  correlationId: '0198c0e3-0000-7222-8333-444444444444',
};
const event = {
  id: accepted.eventId,
  type: 'SyncRequested',
  schemaVersion: 1,
  stream: 'application-default/web',
  revision: 7,
  position: 57,
  occurredAt: at,
  recordedAt: at,
  actor,
  causationId: accepted.correlationId,
  correlationId: accepted.correlationId,
  data: { application: 'default/web', confirmPrune: false },
};

/** Examples of the API document by what they show. */
export const examples = {
  application,
  version,
  target,
  accepted,
  event,
  commit,
  counts,
  approval,
  digest,
  at,
  sha,
  synced,
  healthy,
  released,
  releases,
  project: {
    name: 'default',
    labels: {},
    spec: { repositories: ['*'], clusters: ['*'], namespaces: ['*'], forbiddenKinds: [] },
    declared,
  },
  repository: {
    name: 'shop',
    labels: {},
    spec: { url: 'https://git.example.com/shop.git', interval: '60s' },
    declared,
    connection: { state: 'Ready', reason: 'Fetched', message: 'fetched', since: at },
    refs: {},
  },
  cluster: {
    name: 'eu-1',
    labels: { tier: 'production' },
    spec: { kubeconfig: { path: '/etc/plumbline/eu-1.kubeconfig' } },
    declared,
    connection: { state: 'Connected', reason: 'Connected', message: 'Kubernetes v1.35.4', since: at },
  },
  token: { id: '0198c0de', name: 'anna', role: 'operator', emails: ['anna@example.com'], issuedAt: at },
  resource: {
    apiVersion: 'plumbline.dev/v1alpha1',
    kind: 'Application',
    metadata: { name: 'web', project: 'default' },
    spec: {
      repository: 'shop',
      path: 'deploy/web',
      environments: [{ name: 'staging', clusters: { matchLabels: { tier: 'staging' } } }],
    },
  },
} as const;

/** A page with one item. */
export function onePage(item: unknown): { readonly items: readonly unknown[]; readonly position: number } {
  return { items: [item], position: 57 };
}
