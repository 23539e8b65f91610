// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises'; // time is what this tests: kills at random times
import { type GitRepository, startKube } from '@plumbline/testkit';
import { describeWith } from '@plumbline/testkit/vitest';
import { expect, it } from 'vitest';
import { ClusterClient } from './fixture/cluster-client.js';
import { brokenRules } from './fixture/log-rules.js';
import { type Random, seeded } from './fixture/random.js';
import { applicationResource, environmentOf, repositoryResource, sampleFiles } from './fixture/samples.js';
import { type TestEnvironment, startTestEnvironment } from './fixture/test-environment.js';
import { topologyConfig } from './fixture/topology.config.js';
import type { Shape } from './fixture/topology.js';

const APPLICATIONS = 20;
const names = Array.from({ length: APPLICATIONS }, (_, index) => `app-${String(index).padStart(2, '0')}`);
const environments = ['staging', 'production'];

/** Who may die. In the standalone shape the one process is most of what there is. */
const VICTIMS: Readonly<Record<Shape, readonly string[]>> = {
  standalone: ['standalone', 'standalone', 'standalone', 'postgres'],
  distributed: ['audit', 'gateway', 'watcher', 'renderer', 'policy', 'applier', 'nats', 'postgres'],
};
/** A start of everything costs more than a start of a part, so most kills happen in the distributed shape. */
const SHARE: Readonly<Record<Shape, number>> = { standalone: 0.3, distributed: 0.7 };

/** Commits in an endless stream: each changes a few of the applications. */
class Committer {
  readonly #source: GitRepository;
  readonly #fixture: TestEnvironment;
  readonly #random: Random;

  readonly greetings = new Map(names.map((name) => [name, 'hello']));
  readonly #stop = new AbortController();
  readonly #work: Promise<void>;
  count = 0;

  constructor(source: GitRepository, fixture: TestEnvironment, random: Random) {
    this.#source = source;
    this.#fixture = fixture;
    this.#random = random;

    this.#work = this.#commit();
  }

  /** Ends the stream after the commit that is being made. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#work;
  }

  async #commit(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const changed = names.filter(() => this.#random.next() < 0.15);
      this.count += 1;
      for (const name of changed) this.greetings.set(name, `commit ${this.count}`);
      await this.#source.commit({
        files: Object.assign(
          { 'COUNT.md': String(this.count) },
          ...changed.map((name) => filesOf(name, this.greetings.get(name))),
        ) as Record<string, string>,
      });
      // Whether the gateway lives just now does not matter: the poll sees what a lost webhook told.
      await this.#fixture.topology.webhook(this.#source.url).catch(() => 0);
      await delay(this.#random.between(50, 600));
    }
  }
}

function filesOf(name: string, greeting = 'hello'): Readonly<Record<string, string>> {
  return sampleFiles(`apps/${name}`, name, { greeting, deployment: false });
}

function namespaceOf(name: string, environment: string): string {
  return `${name}-${environment}`;
}

async function declare({ git, apply }: TestEnvironment): Promise<GitRepository> {
  const source = await git.createRepository('fleet');
  await source.commit({ files: Object.assign({}, ...names.map((name) => filesOf(name))) as Record<string, string> });
  await apply(
    repositoryResource('fleet', source.url, '1s'),
    ...names.map((name) =>
      applicationResource(name, {
        repository: 'fleet',
        path: `apps/${name}`,
        environments: [
          environmentOf('staging', { namespace: namespaceOf(name, 'staging') }),
          environmentOf('production', { namespace: namespaceOf(name, 'production'), after: ['staging'] }),
        ],
      }),
    ),
  );
  return source;
}

/** Kills one process at a random moment and starts it again at once. */
async function killOne({ topology }: TestEnvironment, random: Random): Promise<string> {
  const victim = topology.processes.get(random.pick(VICTIMS[topology.shape]));
  if (victim === undefined) throw new Error('no such process');
  // The moment is what is random here: in the middle of whatever runs.
  await delay(random.between(0, 1_500));
  await victim.kill();
  await victim.start();
  return victim.name;
}

/** The targets that do not run what the head of the repository says. */
async function laggards(
  { topology: { client } }: TestEnvironment,
  cluster: ClusterClient,
  greetings: ReadonlyMap<string, string>,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of names) {
    const status = await client.status(name);
    for (const environment of environments) {
      const target = status.environments.find((other) => other.name === environment);
      const [only] = target?.targets ?? [];
      const state = `${only?.sync.state} ${only?.health.state} ${only?.version === target?.latestVersion ? '' : `at ${only?.version} of ${target?.latestVersion}`}`;
      const live = (await cluster.get(`/api/v1/namespaces/${namespaceOf(name, environment)}/configmaps/${name}`))?.data
        .greeting as string | undefined;
      if (state !== 'Synced Healthy ' || live !== greetings.get(name))
        found.push(`${name} ${environment}: ${state}, ${live} for ${greetings.get(name)}`);
    }
  }
  return found;
}

interface Listed {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly data?: unknown;
  readonly spec?: {
    readonly selector?: unknown;
    readonly ports?: readonly { readonly name: string; readonly port: number; readonly targetPort: number }[];
  };
}

/** Nothing is missing, nothing is left over, and what is there says what the head of the repository says. */
async function expectRenderedObjects(cluster: ClusterClient, greetings: ReadonlyMap<string, string>): Promise<void> {
  for (const name of names) {
    for (const environment of environments) {
      const base = `/api/v1/namespaces/${namespaceOf(name, environment)}`;
      const [maps, services, accounts] = await Promise.all(
        ['configmaps', 'services', 'serviceaccounts'].map(
          async (kind) => (await cluster.get(`${base}/${kind}`)).items as readonly Listed[],
        ),
      );
      expect(maps, base).toMatchObject([{ metadata: { name }, data: { greeting: greetings.get(name) } }]);
      expect(services, base).toMatchObject([
        {
          metadata: { name },
          spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
        },
      ]);
      expect(accounts, base).toMatchObject([{ metadata: { name } }]);
    }
  }
}

async function survive(shape: Shape): Promise<void> {
  const { crashKills, crashSeed = Date.now() % 1_000_000_007 } = topologyConfig();
  const kills = Math.max(1, Math.round(crashKills * SHARE[shape]));
  process.stdout.write(`${shape}: ${kills} kills, PLUMBLINE_CRASH_SEED=${crashSeed}\n`);
  const random = seeded(crashSeed);
  await using kube = await startKube();
  await using fixture = await startTestEnvironment({ shape, clusters: 'real', kubeconfigPath: kube.kubeconfigPath });
  const { observer, client, services } = fixture.topology;
  const cluster = new ClusterClient(kube.kubeconfigPath);
  const source = await declare(fixture);
  const committer = new Committer(source, fixture, seeded(crashSeed + 1));
  const killed = new Map<string, number>();
  for (let count = 0; count < kills; count += 1) {
    const name = await killOne(fixture, random);
    killed.set(name, (killed.get(name) ?? 0) + 1);
  }
  await committer.stop();
  const settledFrom = performance.now();
  let left: readonly string[] = [];
  await observer
    .until(
      'settled fleet',
      async () => {
        left = await laggards(fixture, cluster, committer.greetings);
        return left.length === 0 ? true : undefined;
      },
      { timeoutMs: 600_000 },
    )
    .catch((error: unknown) => {
      throw new Error(`not settled: ${left.join('; ')}`, { cause: error });
    });
  process.stdout.write(
    `${shape}: killed ${[...killed].map(([name, times]) => `${name} ${times}×`).join(', ')}; ${committer.count} commits, ${observer.events.length} events, settled in ${Math.round(performance.now() - settledFrom)} ms\n`,
  );
  await expectRenderedObjects(cluster, committer.greetings);
  expect(brokenRules(observer.events)).toEqual([]);
  const { events } = await client.events({ after: -1, limit: 1000 });
  expect(
    events.map(({ id }) => id),
    'a fresh reader sees what the follower saw',
  ).toEqual(observer.events.slice(0, events.length).map(({ id }) => id));
  for (const { name, output } of services)
    expect(
      output.split('\n').filter((line) => line.includes('PLB-9')),
      name,
    ).toEqual([]);
}

describeWith(['postgres:embedded18', 'git', 'nats:newest', 'kube'], 'a fleet of 20 applications', () => {
  it(
    'loses nothing and does nothing twice when the standalone process or its database is killed',
    async () => survive('standalone'),
    1_800_000,
  );
  it(
    'loses nothing and does nothing twice when any process of the distributed shape is killed',
    async () => survive('distributed'),
    1_800_000,
  );
});
