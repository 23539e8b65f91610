// SPDX-License-Identifier: Apache-2.0
// Writes the history of a fleet through the writer of the log: applications that were rendered, released and synced
// again and again.
import { Digest, StreamName, TargetId, uuidv7 } from '@plumbline/core';
import { applicationSpec, projectSpec, repositorySpec } from '@plumbline/events';
import { signRelease } from '@plumbline/manifest';

const ENVIRONMENT = 'production';
const APPLICATIONS_PER_REPOSITORY = 100;
const CLUSTERS = 20;
/** Items of one append; above it a request is split. */
const ITEMS = 200;
/** Appends under way; the writer commits them in groups. */
const IN_FLIGHT = 16;
/** Events of one application in one cycle. */
const EVENTS_PER_CYCLE = 6;

const pad = (number) => String(number).padStart(5, '0');
const repositoryOf = (index) => `repository-${pad(Math.floor(index / APPLICATIONS_PER_REPOSITORY))}`;
const clusterOf = (index) => `cluster-${pad(index % CLUSTERS)}`;
const applicationOf = (index) => `default/app-${pad(index)}`;
const revisionOf = (cycle) => String(cycle).padStart(40, '0');

function commitOf(cycle) {
  const author = { name: 'Ada Lovelace', email: 'ada@example.com' };
  const time = new Date(Date.UTC(2026, 0, 1) + cycle * 3_600_000).toISOString();
  return {
    sha: revisionOf(cycle),
    author,
    committer: author,
    coAuthors: [],
    message: `raise replicas to ${cycle}`,
    authoredAt: time,
    committedAt: time,
  };
}

/** One fleet: names, and the events of each step of a change. */
class Fleet {
  #applications;
  #releaseKey;
  #syncs = new Map();

  constructor(applications, releaseKey) {
    this.#applications = applications;
    this.#releaseKey = releaseKey;
  }

  get indexes() {
    return Array.from({ length: this.#applications }, (_, index) => index);
  }

  get repositories() {
    return [...new Set(this.indexes.map(repositoryOf))];
  }

  /** Declarations of everything, by the gateway. */
  declared() {
    return [
      [
        StreamName.project('default'),
        [{ type: 'ProjectDeclared', data: { name: 'default', labels: {}, spec: projectSpec.parse({}) } }],
      ],
      // Port 1 refuses connections: the services find nothing that they could do.
      ...Array.from({ length: CLUSTERS }, (_, index) => {
        const name = clusterOf(index);
        const spec = { kubeconfig: { path: `/nonexistent/${name}` } };
        return [StreamName.cluster(name), [{ type: 'ClusterDeclared', data: { name, labels: {}, spec } }]];
      }),
      ...this.repositories.map((name) => {
        const spec = repositorySpec.parse({ url: `http://127.0.0.1:1/${name}.git`, interval: '24h' });
        return [StreamName.repository(name), [{ type: 'RepositoryDeclared', data: { name, labels: {}, spec } }]];
      }),
      ...this.indexes.map((index) => {
        const application = applicationOf(index);
        const spec = applicationSpec.parse({
          repository: repositoryOf(index),
          path: `apps/${index}`,
          namespace: `app-${pad(index)}`,
          environments: [{ name: ENVIRONMENT, clusters: { names: [clusterOf(index)] } }],
        });
        return [
          StreamName.application(application),
          [{ type: 'ApplicationDeclared', data: { application, labels: {}, spec } }],
        ];
      }),
    ];
  }

  observed(cycle) {
    return this.repositories.map((repository) => [
      StreamName.repository(repository),
      [
        {
          type: 'RevisionObserved',
          data: {
            repository,
            ref: 'main',
            revision: revisionOf(cycle),
            ...(cycle === 1 ? {} : { previous: revisionOf(cycle - 1) }),
            forced: false,
            commit: commitOf(cycle),
          },
        },
      ],
    ]);
  }

  rendered(cycle, indexes) {
    return indexes.map((index) => {
      const application = applicationOf(index);
      const data = {
        application,
        environment: ENVIRONMENT,
        version: cycle,
        repository: repositoryOf(index),
        revision: revisionOf(cycle),
        commit: commitOf(cycle),
        inputDigest: Digest.of(`input ${index} ${cycle}`),
        renderDigest: this.#renderDigest(index, cycle),
        sourcesDigest: Digest.of(`sources ${index}`),
        renderer: 'plain',
        objectCount: 5,
        namespace: `app-${pad(index)}`,
        createNamespace: true,
      };
      return [StreamName.version(application, cycle), [{ type: 'VersionRendered', data }]];
    });
  }

  released(cycle, indexes) {
    return indexes.map((index) => {
      const application = applicationOf(index);
      const place = {
        application,
        environment: ENVIRONMENT,
        version: cycle,
        renderDigest: this.#renderDigest(index, cycle),
      };
      const verdicts = [{ check: 'forbidden-kinds', result: 'Pass', message: '' }];
      const statement = { ...place, clusters: [clusterOf(index)], generation: cycle, releaseId: uuidv7(Date.now()) };
      const release = { ...statement, kind: 'Automatic', approvals: [], ...signRelease(statement, this.#releaseKey) };
      this.#syncs.set(index, { syncId: uuidv7(Date.now()), releaseId: statement.releaseId });
      return [
        StreamName.version(application, cycle),
        [
          { type: 'PolicyEvaluated', data: { ...place, verdicts, allowed: true } },
          { type: 'VersionReleased', data: release },
        ],
      ];
    });
  }

  synced(cycle, indexes) {
    return indexes.map((index) => {
      const target = { application: applicationOf(index), environment: ENVIRONMENT, cluster: clusterOf(index) };
      const { syncId, releaseId } = this.#syncs.get(index);
      const inventoryDigest = Digest.of(`inventory ${index}`);
      const version = { version: cycle, renderDigest: this.#renderDigest(index, cycle) };
      const started = {
        ...target,
        syncId,
        ...version,
        releaseId,
        generation: cycle,
        cause: 'Release',
        inventoryDigest,
        objectCount: 5,
      };
      const change = {
        key: `apps/Deployment/app-${pad(index)}/web`,
        apiVersion: 'apps/v1',
        action: 'Configured',
        fields: ['spec.replicas'],
      };
      const changes = {
        counts: { Configured: 1, Unchanged: 4 },
        digest: Digest.of(`changes ${index} ${cycle}`),
        inline: [change],
        truncated: false,
      };
      const completed = {
        ...target,
        syncId,
        ...version,
        cause: 'Release',
        result: 'Succeeded',
        reason: 'Succeeded',
        message: '1 configured, 4 unchanged',
        changes,
        inventoryDigest,
        objectCount: 5,
        durationMs: 812,
        retryable: false,
      };
      const health = {
        ...target,
        health: 'Healthy',
        reason: 'Healthy',
        message: 'all objects are healthy',
        objects: [],
      };
      return [
        StreamName.target(TargetId.of(target.application, ENVIRONMENT, target.cluster)),
        [
          { type: 'SyncStarted', data: started },
          { type: 'SyncCompleted', data: completed },
          { type: 'HealthChanged', data: health },
        ],
      ];
    });
  }

  #renderDigest(index, cycle) {
    return Digest.of(`render ${index} ${cycle}`);
  }
}

async function appendAll(log, service, items) {
  const requests = [];
  for (let from = 0; from < items.length; from += ITEMS) {
    requests.push({
      requestId: uuidv7(Date.now()),
      actor: { kind: service === 'gateway' ? 'user' : 'service', id: service, name: service },
      service,
      items: items.slice(from, from + ITEMS).map(([stream, events]) => ({ stream, expected: { type: 'any' }, events })),
    });
  }
  const next = requests.values();
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      for (const request of next) await log.append(request);
    }),
  );
}

/**
 * Appends at least so many events of so many applications: each is declared once, then rendered, released and synced
 * in cycles.
 * Everything is done at the end, so that a service that has processed the log finds no work. Returns the head of the
 * log.
 */
export async function writeHistory(log, { events, applications, releaseKey, onProgress = () => undefined }) {
  const fleet = new Fleet(applications, releaseKey);
  await appendAll(log, 'gateway', fleet.declared());
  for (let cycle = 1, head = await log.head(); head < events; cycle += 1) {
    await appendAll(log, 'watcher', fleet.observed(cycle));
    const left = Math.ceil((events - (await log.head())) / EVENTS_PER_CYCLE);
    // In the last cycle some applications keep the version that they have, as when their directory did not change.
    const changed = fleet.indexes.slice(0, left);
    await appendAll(log, 'renderer', fleet.rendered(cycle, changed));
    await appendAll(log, 'policy', fleet.released(cycle, changed));
    await appendAll(log, 'applier', fleet.synced(cycle, changed));
    head = await log.head();
    onProgress(head);
  }
  return log.head();
}
