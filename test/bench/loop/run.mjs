// SPDX-License-Identifier: Apache-2.0
// Prints figures, judges nothing: what a first sync, a commit that changes all, a commit that changes one, and quiet
// cost. See README.md.
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import { startGit, startKube, tempDir } from '@plumbline/testkit';
import { openBaseline } from './baseline.mjs';
import { startServer } from './server.mjs';

const { values } = parseArgs({
  options: {
    apps: { type: 'string', default: '200' },
    commits: { type: 'string', default: '10' },
    profile: { type: 'string' },
    quiet: { type: 'string', default: '10' },
  },
});
const N = Number(values.apps);
const names = Array.from({ length: N }, (_, index) => `app-${String(index).padStart(4, '0')}`);
/** The API takes no more resources in one request. */
const APPLY_AT_ONCE = 500;
const apiVersion = 'plumbline.dev/v1alpha1';

function objectsOf(name, revision) {
  const metadata = { name, labels: { app: name, revision } };
  return [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { greeting: `hello from ${name}`, revision } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        replicas: 2,
        selector: { matchLabels: { app: name } },
        template: {
          metadata: { labels: { app: name } },
          spec: {
            serviceAccountName: name,
            containers: [
              { name: 'web', image: `registry.example.com/web:${revision}`, ports: [{ containerPort: 8080 }] },
            ],
          },
        },
      },
    },
  ];
}

function filesOf(list, revision) {
  return Object.fromEntries(
    list.flatMap((name) =>
      objectsOf(name, revision).map((object) => [
        `apps/${name}/${object.kind.toLowerCase()}.yaml`,
        JSON.stringify(object, undefined, 2),
      ]),
    ),
  );
}

const fixed = (value, digits = 1) => value.toFixed(digits);
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;

// Three Services for each application, one of ours and two of the baseline: more than the 254 addresses of the
// default range.
await using kube = await startKube({
  audit: 'Metadata',
  apiServerFlags: { 'service-cluster-ip-range': '10.0.0.0/16' },
});
await using git = await startGit();
await using dir = await tempDir('bench');
const source = await git.createRepository('fleet');
const warm = await git.createRepository('warm');
const bare = await openBaseline(kube);

console.log(
  `node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'cpu'}; ${N} applications of 4 objects, kube-apiserver with audit log at Metadata`,
);
await bare.namespace('base');
await bare.namespace('base-after');
await bare.namespace('fleet');
await bare.namespace('warm');
// The API server and both clients compile and cache on their first requests: neither side is to pay for that, so each
// begins with 31 applications.
const warmUp = Array.from({ length: 31 }, (_, index) => `warm-up-${index}`);
await bare.applyAll(
  warmUp.flatMap((name) => objectsOf(name, 'w')),
  'base',
);
const baseFirst = await bare.applyAll(
  names.flatMap((name) => objectsOf(name, 'r1')),
  'base',
);
console.log(
  `baseline (undici, 16 connections), create: ${fixed(baseFirst.rate, 0)} objects/s, ${fixed(baseFirst.cpuMs, 2)} ms of client CPU each`,
);

const server = await startServer(dir.path, values.profile);
const { client } = server;
const events = [];
let wake = () => undefined;
const stopReading = new AbortController();
// Only what tells that something is done; the rest is read when nothing is measured.
const reading = (async () => {
  for await (const event of client.follow({
    after: -1,
    types: ['ClusterConnected', 'SyncCompleted'],
    signal: stopReading.signal,
  })) {
    events.push({ event, at: performance.now() });
    wake();
  }
})();

/** Everything that was recorded after a position. */
async function eventsAfter(position) {
  const all = [];
  for (let after = position; ;) {
    const page = await client.events({ after, limit: 1_000 });
    all.push(...page.events.map((event) => ({ event })));
    if (page.after >= page.head) return all;
    after = page.after;
  }
}

const head = async () => (await client.events({ after: 2 ** 50, limit: 1 })).head;

async function until(isSo, what) {
  const deadline = performance.now() + 600_000;
  for (let found = isSo(); ; found = isSo()) {
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`waited ten minutes for ${what}`);
    await Promise.race([new Promise((resolve) => (wake = resolve)), delay(1_000)]);
  }
}

/** Runs a phase and says what it cost: time, objects, events, requests at the API server, CPU. */
async function phase(what, expected, work) {
  const [position, from, requests] = [await head(), events.length, (await requestsSoFar()).length];
  const before = server.usage();
  const started = performance.now();
  await work();
  const wanted = new Set(expected);
  const done = await until(() => {
    for (const { event } of events.slice(from))
      if (event.type === 'SyncCompleted' && event.data.result === 'Succeeded') wanted.delete(event.data.application);
    return wanted.size === 0;
  }, what).then(() => events.findLast(({ event }) => event.type === 'SyncCompleted'));
  const ms = done.at - started;
  await delay(300);
  const after = server.usage();
  const seen = await eventsAfter(position);
  const asked = (await requestsSoFar()).slice(requests);
  return {
    what,
    ms,
    rendered: count(seen, 'VersionRendered'),
    synced: count(seen, 'SyncCompleted'),
    events: seen.length,
    writes: asked.filter(({ verb }) => verb !== 'get' && verb !== 'list' && verb !== 'watch').length,
    reads: asked.filter(({ verb }) => verb === 'get' || verb === 'list').length,
    nodeCpu: after.node - before.node,
    postgresCpu: after.postgres - before.postgres,
    gitCpu: after.others - before.others,
    rssMb: after.rssMb,
    postgresRssMb: after.postgresRssMb,
    gitRssMb: after.othersRssMb,
    steps: stepsOf(seen),
    way: wayOf(seen),
  };
}

/** Milliseconds from each step of a change to the next, by the clock of the log. */
function stepsOf(seen) {
  const at = [
    'RefreshRequested',
    'RevisionObserved',
    'VersionRendered',
    'VersionReleased',
    'SyncStarted',
    'SyncCompleted',
  ].map((type) => Date.parse(seen.find(({ event }) => event.type === type)?.event.recordedAt ?? ''));
  return at.slice(1).map((time, index) => time - at[index]);
}

/** When the events of each step were recorded, first to last, in seconds since the first event of the phase. */
function wayOf(seen) {
  const from = Date.parse(seen[0]?.event.recordedAt ?? '');
  const span = (type) => {
    const times = seen
      .filter(({ event }) => event.type === type)
      .map(({ event }) => (Date.parse(event.recordedAt) - from) / 1_000);
    return times.length === 0 ? [] : [`${type} ${fixed(times[0], 2)}–${fixed(times.at(-1), 2)}`];
  };
  return [
    'ApplicationDeclared',
    'RevisionObserved',
    'VersionRendered',
    'VersionReleased',
    'SyncStarted',
    'SyncCompleted',
  ]
    .flatMap(span)
    .join(', ');
}

const count = (list, type) => list.filter(({ event }) => event.type === type).length;

async function requestsSoFar() {
  return (await kube.auditEvents()).filter(
    ({ userAgent = '', requestURI }) =>
      userAgent.startsWith('plumbline') && !/^\/(livez|readyz|healthz)/.test(requestURI),
  );
}

function show(result, baseline) {
  const rate = (4 * result.synced) / (result.ms / 1_000);
  console.log(
    `${result.what}: ${fixed(result.ms / 1_000, 2)} s, ${fixed(rate, 0)} objects/s, ${fixed(rate / baseline.rate, 2)} of the baseline; ${result.rendered} rendered, ${result.synced} synced, ${result.events} events; ${result.writes} writes, ${result.reads} reads; CPU s: node ${fixed(result.nodeCpu)}, PostgreSQL ${fixed(result.postgresCpu)}, git ${fixed(result.gitCpu)}; RSS MB: node ${result.rssMb}, PostgreSQL ${result.postgresRssMb} (shared memory counted for each backend), Git's process ${result.gitRssMb}`,
  );
  console.log(`  its way, in seconds: ${result.way}`);
}

try {
  await source.commit({ files: filesOf(names, 'r1'), replaceTree: true });
  await warm.commit({ files: filesOf(warmUp, 'w'), replaceTree: true });
  await client.apply({
    resources: [
      {
        apiVersion,
        kind: 'Cluster',
        metadata: { name: 'real', labels: { tier: 'staging' } },
        spec: { kubeconfig: { path: kube.kubeconfigPath } },
      },
    ],
  });
  await until(() => events.some(({ event }) => event.type === 'ClusterConnected'), 'the connection');
  const declare = async (repository, url, list) => {
    const applications = list.map((name) => ({
      apiVersion,
      kind: 'Application',
      metadata: { name },
      spec: {
        repository,
        path: `apps/${name}`,
        namespace: repository,
        createNamespace: false,
        environments: [{ name: 'staging', clusters: { matchLabels: { tier: 'staging' } } }],
      },
    }));
    await client.apply({
      resources: [{ apiVersion, kind: 'Repository', metadata: { name: repository }, spec: { url, interval: '1h' } }],
    });
    for (let from = 0; from < list.length; from += APPLY_AT_ONCE)
      await client.apply({ resources: applications.slice(from, from + APPLY_AT_ONCE) });
  };
  await phase(
    'warm-up',
    warmUp.map((name) => `default/${name}`),
    async () => declare('warm', warm.url, warmUp),
  );
  const everything = names.map((name) => `default/${name}`);
  const first = await phase('first sync', everything, async () => declare('fleet', source.url, names));
  // Before and after what it is compared with: a machine that others use changes its speed by the minute.
  const baseAfter = await bare.applyAll(
    names.flatMap((name) => objectsOf(name, 'r1')),
    'base-after',
  );
  console.log(`baseline once more: ${fixed(baseAfter.rate, 0)} objects/s; compared with the mean of both`);
  show(first, { rate: (baseFirst.rate + baseAfter.rate) / 2 });
  const baseAll = await bare.applyAll(
    names.flatMap((name) => objectsOf(name, 'r2')),
    'base',
  );
  console.log(
    `baseline, change: ${fixed(baseAll.rate, 0)} objects/s, ${fixed(baseAll.cpuMs, 2)} ms of client CPU each`,
  );
  await source.commit({ files: filesOf(names, 'r2') });
  show(await phase('a commit that changes all', everything, async () => server.webhook(source.url)), baseAll);
  const ones = [];
  for (let index = 0; index < Number(values.commits); index += 1) {
    const name = names[(index * 37) % N];
    await source.commit({
      files: {
        [`apps/${name}/configmap.yaml`]: JSON.stringify({
          ...objectsOf(name, 'r2')[0],
          data: { greeting: `one ${index}` },
        }),
      },
    });
    ones.push(await phase(`one ${index}`, [`default/${name}`], async () => server.webhook(source.url)));
  }
  const each = (pick) => [...new Set(ones.map(pick))].join('/');
  const total = (pick) => fixed(ones.reduce((sum, one) => sum + pick(one), 0) / ones.length, 3);
  console.log(
    `a commit that changes one object of one application, ${ones.length} times: webhook to applied ${fixed(median(ones.map(({ ms }) => ms)), 0)} ms at the median, ${fixed(Math.max(...ones.map(({ ms }) => ms)), 0)} ms at the worst; each ${each(({ rendered }) => rendered)} rendered, ${each(({ synced }) => synced)} synced, ${each(({ writes }) => writes)} writes and ${each(({ reads }) => reads)} reads at the API server; CPU s each: node ${total(({ nodeCpu }) => nodeCpu)}, PostgreSQL ${total(({ postgresCpu }) => postgresCpu)}, git ${total(({ gitCpu }) => gitCpu)}`,
  );
  const step = (index) => fixed(median(ones.map(({ steps }) => steps[index])), 0);
  console.log(
    `  its steps at the median: seen after ${step(0)} ms, rendered after ${step(1)}, released after ${step(2)}, begun after ${step(3)}, applied after ${step(4)}`,
  );
  const [quietEvents, quietRequests, quietFrom] = [await head(), (await requestsSoFar()).length, server.usage()];
  await delay(Number(values.quiet) * 1_000);
  const quiet = server.usage();
  console.log(
    `${values.quiet} s of quiet: ${(await head()) - quietEvents} events, ${(await requestsSoFar()).length - quietRequests} requests, CPU s: node ${fixed(quiet.node - quietFrom.node, 2)}, PostgreSQL ${fixed(quiet.postgres - quietFrom.postgres, 2)}; RSS MB: node ${quiet.rssMb}, PostgreSQL ${quiet.postgresRssMb}`,
  );
  const edited = performance.now();
  const driftFrom = events.length;
  await kube.request('PATCH', `/api/v1/namespaces/fleet/configmaps/${names[1]}`, {
    body: { data: { greeting: 'by hand' } },
    contentType: 'application/merge-patch+json',
  });
  const healed = await until(
    () => events.slice(driftFrom).find(({ event }) => event.type === 'SyncCompleted'),
    'the heal',
  );
  console.log(`drift healed after ${fixed(healed.at - edited, 0)} ms`);
} finally {
  stopReading.abort();
  await reading;
  await server.stop();
  await bare.close();
}
