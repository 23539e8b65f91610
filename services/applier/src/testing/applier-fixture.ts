// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { KeyObject } from 'node:crypto';
import { Module, type Provider, type Type } from '@nestjs/common';
import { MODULE_METADATA } from '@nestjs/common/constants.js';
import { Digest, StreamName, uuidv7 } from '@plumbline/core';
import type { AppendRequest, EventLog } from '@plumbline/event-log';
import { actorOf, MemoryEventLog } from '@plumbline/event-log/testing';
import {
  applicationSpec,
  type ApplicationSpec,
  type RecordedClusterSpec,
  durationMs,
  type EventData,
  type EventOf,
  eventOwners,
  type EventType,
  type NewEvent,
  type RecordedEvent,
} from '@plumbline/events';
import {
  buildObject,
  buildObjectSet,
  buildSources,
  generateReleaseKeys,
  generateSealKey,
  type ManifestObject,
  parseReleaseSigningKey,
  parseReleaseVerifyKey,
  parseSealKey,
  signRelease,
} from '@plumbline/manifest';
import { MemoryObjectStore } from '@plumbline/object-store/memory';
import type { ObjectStore } from '@plumbline/object-store';
import type { Logger } from '@plumbline/platform';
import { pollInterval } from '@plumbline/testkit';
import { startTestService, type TestService } from '@plumbline/platform/testing';
import { APPLIER_CONFIG, type ApplierConfig } from '../applier.config.js';
import { ApplierModule } from '../applier.module.js';
import { CONNECT_CLUSTER, type ConnectCluster } from '../clusters/cluster-sessions.js';
import { clusterConnector } from '../clusters/connect.js';

const PROJECT = 'default';
const ENVIRONMENT = 'production';
const COMMIT: EventData<'VersionRendered'>['commit'] = {
  sha: 'a'.repeat(40),
  author: { name: 'Ada', email: 'ada@example.com' },
  committer: { name: 'Ada', email: 'ada@example.com' },
  coAuthors: [],
  message: 'change',
  authoredAt: '2026-01-01T00:00:00Z',
  committedAt: '2026-01-01T00:00:00Z',
};

/** What a version of a test is made of. */
export interface TestVersion {
  readonly application: string;
  readonly objects: readonly ManifestObject[];
  readonly namespace?: string;
  readonly createNamespace?: boolean;
  readonly clusters?: readonly string[];
  /** Rendered key to `file#document`. */
  readonly sources?: ReadonlyMap<string, string>;
}

/** How the fixture's applications are synced. */
export type TestSync = Partial<ApplicationSpec['environments'][number]['sync']>;

let installations = 0;

class Lines implements Logger {
  readonly lines: string[] = [];
  error(message: string, fields: object = {}): void {
    this.lines.push(`error ${message} ${JSON.stringify(fields)}`);
  }
  warn(message: string, fields: object = {}): void {
    this.lines.push(`warn ${message} ${JSON.stringify(fields)}`);
  }
  info(message: string, fields: object = {}): void {
    this.lines.push(`info ${message} ${JSON.stringify(fields)}`);
  }
  debug(message: string, fields: object = {}): void {
    this.lines.push(`debug ${message} ${JSON.stringify(fields)}`);
  }
  child(): Logger {
    return this;
  }
}

/** Returns the module of the applier with the configuration and connections of a test. */
export function testModule(config: ApplierConfig, connect: ConnectCluster): Type {
  const { controllers, providers } = moduleParts(ApplierModule);
  @Module({
    controllers,
    providers: [
      ...providers,
      { provide: APPLIER_CONFIG, useValue: config },
      { provide: CONNECT_CLUSTER, useValue: connect },
    ],
  })
  class TestApplierModule {}
  return TestApplierModule;
}

/** Returns a configuration with new keys. */
export function testConfig(overrides: Partial<ApplierConfig> = {}): ApplierConfig {
  return {
    installation: `test-${(installations += 1)}`,
    sealKey: parseSealKey(Buffer.from(generateSealKey())),
    releaseKeys: [parseReleaseVerifyKey(generateReleaseKeys().publicKeyPem)],
    probeMs: 1_000,
    requestsPerCluster: 16,
    syncsPerCluster: 32,
    limits: { perTarget: 8, gateMs: 20_000, pruneWaitMs: 1_000, watchMs: 5_000 },
    ...overrides,
  };
}

function moduleParts(module: Type): { readonly controllers: Type[]; readonly providers: Provider[] } {
  return {
    controllers: Reflect.getMetadata(MODULE_METADATA.CONTROLLERS, module) as Type[],
    providers: Reflect.getMetadata(MODULE_METADATA.PROVIDERS, module) as Provider[],
  };
}

/** An applier with a log and an object store in memory; the rest of the system is played by the spec's own appends. */
export class ApplierFixture implements AsyncDisposable {
  readonly log = new MemoryEventLog();
  readonly store = new MemoryObjectStore();
  readonly logger = new Lines();
  /** Replace it before a start to stand between the applier and its clusters, log and store. */
  connect: ConnectCluster;
  readonly sealKey = parseSealKey(Buffer.from(generateSealKey()));
  readonly #signingKey: KeyObject;
  readonly #config: ApplierConfig;
  #service: TestService | undefined;
  readonly #versions = new Map<string, number>();
  readonly #generations = new Map<string, number>();
  readonly #directory: string;
  readonly #listeners = new Set<() => void>();
  #unsubscribe: () => void;

  private constructor(directory: string, overrides: Partial<ApplierConfig>) {
    const keys = generateReleaseKeys();
    this.#directory = directory;
    this.#signingKey = parseReleaseSigningKey(keys.privateKeyPem);
    this.#config = testConfig({
      sealKey: this.sealKey,
      releaseKeys: [parseReleaseVerifyKey(keys.publicKeyPem)],
      ...overrides,
    });
    this.connect = clusterConnector({ requestsPerCluster: 16 });
    this.#unsubscribe = this.log.onCommitted(({ firstPosition, lastPosition }) => {
      void this.#deliver(firstPosition, lastPosition);
    });
  }

  static async start(overrides: Partial<ApplierConfig> = {}): Promise<ApplierFixture> {
    const fixture = new ApplierFixture(await mkdtemp(path.join(tmpdir(), 'applier-')), overrides);
    await fixture.startApplier();
    return fixture;
  }

  get installation(): string {
    return this.#config.installation;
  }

  /** Starts an applier in a Nest application; `parts` replace the log and the store as they are. */
  async startApplier(parts: { readonly log?: EventLog; readonly store?: ObjectStore } = {}): Promise<void> {
    this.#service = await startTestService({
      module: testModule(this.#config, this.connect),
      name: 'applier',
      log: parts.log ?? this.log,
      objects: parts.store ?? this.store,
      logger: this.logger,
      settings: { PLUMBLINE_DATA_DIR: this.#directory },
    });
  }

  /** The running applier. */
  get service(): TestService {
    if (this.#service === undefined) throw new TypeError('no applier is running');
    return this.#service;
  }

  async stopApplier(): Promise<void> {
    const service = this.#service;
    this.#service = undefined;
    await service?.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopApplier();
    this.#unsubscribe();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #deliver(firstPosition: number, lastPosition: number): Promise<void> {
    const { events } = await this.log.read({ from: firstPosition, limit: lastPosition - firstPosition + 1 });
    this.#service?.reactor.offer({ from: firstPosition, next: lastPosition + 1, events });
    for (const listener of this.#listeners) listener();
  }

  /** Appends as the service that owns the type; gives the position. */
  async append(
    stream: string,
    event: NewEvent,
    causation: Pick<AppendRequest, 'causationId' | 'correlationId'> = {},
  ): Promise<number> {
    const service = eventOwners[event.type];
    const result = await this.log.append({
      requestId: uuidv7(Date.now()),
      actor: service === 'gateway' ? { kind: 'user', id: 'tester', name: 'tester' } : actorOf(service),
      service,
      ...causation,
      items: [{ stream, expected: { type: 'any' }, events: [event] }],
    });
    return result.lastPosition;
  }

  async declareCluster(
    name: string,
    spec: RecordedClusterSpec,
    labels: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    await this.append(StreamName.cluster(name), { type: 'ClusterDeclared', data: { name, labels, spec } });
  }

  async declareApplication(
    name: string,
    options: { readonly clusters?: readonly string[]; readonly sync?: TestSync; readonly namespace?: string } = {},
  ): Promise<string> {
    const id = `${PROJECT}/${name}`;
    const spec = applicationSpec.parse({
      repository: 'shop',
      ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
      environments: [
        { name: ENVIRONMENT, clusters: { names: options.clusters ?? ['kube'] }, sync: options.sync ?? {} },
      ],
    });
    await this.append(StreamName.application(id), {
      type: 'ApplicationDeclared',
      data: { application: id, labels: {}, spec },
    });
    return id;
  }

  /** Stores a render and appends VersionRendered; gives what a release of it needs. */
  async render({
    application,
    objects,
    namespace,
    createNamespace = true,
    sources,
  }: TestVersion): Promise<EventData<'VersionRendered'>> {
    const version = (this.#versions.get(application) ?? 0) + 1;
    this.#versions.set(application, version);
    const blobs = objects.map((object) => buildObject(object, this.sealKey));
    const set = buildObjectSet(blobs);
    const list = buildSources(sources ?? new Map(blobs.map(({ key }, index) => [key, `deploy/all.yaml#${index}`])));
    await this.store.put([...blobs.map(({ digest, content }) => ({ digest, content })), set, list]);
    const data: EventData<'VersionRendered'> = {
      application,
      environment: ENVIRONMENT,
      version,
      repository: 'shop',
      revision: COMMIT.sha,
      commit: COMMIT,
      inputDigest: Digest.of(String(version)),
      renderDigest: set.digest,
      sourcesDigest: list.digest,
      renderer: 'plain',
      objectCount: objects.length,
      ...(namespace === undefined ? {} : { namespace }),
      createNamespace,
    };
    await this.append(StreamName.version(application, version), { type: 'VersionRendered', data });
    return data;
  }

  /** Signs and appends a release; gives its id. */
  async release(
    rendered: EventData<'VersionRendered'>,
    options: {
      readonly clusters?: readonly string[];
      readonly kind?: 'Automatic' | 'Rollback';
      readonly tamper?: boolean;
    } = {},
  ): Promise<string> {
    const { application, version, renderDigest } = rendered;
    const generation = (this.#generations.get(application) ?? 0) + 1;
    this.#generations.set(application, generation);
    const releaseId = uuidv7(Date.now());
    const statement = {
      application,
      environment: ENVIRONMENT,
      version,
      renderDigest,
      clusters: options.clusters ?? ['kube'],
      generation,
      releaseId,
    };
    const signed = signRelease(
      options.tamper === true ? { ...statement, version: version + 1 } : statement,
      this.#signingKey,
    );
    await this.append(StreamName.version(application, version), {
      type: 'VersionReleased',
      data: { ...statement, kind: options.kind ?? 'Automatic', approvals: [], ...signed },
    });
    return releaseId;
  }

  /** Renders and releases. */
  async deploy(
    version: TestVersion,
  ): Promise<{ readonly rendered: EventData<'VersionRendered'>; readonly releaseId: string }> {
    const rendered = await this.render(version);
    const releaseId = await this.release(
      rendered,
      version.clusters === undefined ? {} : { clusters: version.clusters },
    );
    return { rendered, releaseId };
  }

  /** Renders, releases, and waits for the outcome on the one cluster. */
  async deployed(version: TestVersion): Promise<EventOf<'SyncCompleted'>> {
    const from = await this.log.head();
    await this.deploy(version);
    return this.until('SyncCompleted', ({ data }) => data.application === version.application, { from });
  }

  async events<Type extends EventType>(type: Type, from = 0): Promise<EventOf<Type>[]> {
    const all: RecordedEvent[] = [];
    for (let position = from; ;) {
      const page = await this.log.read({ from: position });
      all.push(...page.events);
      position = page.nextPosition;
      if (position >= page.headPosition) break;
    }
    return all.filter((event): event is EventOf<Type> & RecordedEvent => event.type === type) as EventOf<Type>[];
  }

  /** The first event of a type from a position on that fits; waits for it. */
  async until<Type extends EventType>(
    type: Type,
    fits: (event: EventOf<Type>) => boolean = () => true,
    options: { readonly from?: number; readonly timeout?: string } = {},
  ): Promise<EventOf<Type>> {
    return this.#wait(
      async () => (await this.events(type, options.from ?? 0)).find(fits),
      `${type}`,
      durationMs(options.timeout ?? '120s'),
    );
  }

  /** Waits until the check gives something. */
  async eventually<T>(check: () => Promise<T | undefined>, what: string, timeout = '120s'): Promise<T> {
    return this.#wait(check, what, durationMs(timeout));
  }

  async #wait<T>(check: () => Promise<T | undefined>, what: string, timeoutMs: number): Promise<T> {
    const untilMs = Date.now() + timeoutMs;
    for (;;) {
      const found = await check();
      if (found !== undefined) return found;
      const leftMs = untilMs - Date.now();
      if (leftMs <= 0) {
        const last = (await this.log.read({ from: Math.max(0, (await this.log.head()) - 8) })).events.map(
          ({ type, data }) => `${type} ${JSON.stringify(data).slice(0, 600)}`,
        );
        throw new Error(
          `${what} did not come in ${timeoutMs} ms; the last events:\n${last.join('\n')}\nlog:\n${this.logger.lines.slice(-10).join('\n')}`,
        );
      }
      await this.#next(Math.min(leftMs, 50));
    }
  }

  /** The next append, or a short while: the cluster changes without one. */
  async #next(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#listeners.add(resolve);
    await pollInterval(ms, promise);
    this.#listeners.delete(resolve);
  }

  /** Everything that the log and the object store hold, as text, to search for what must not be there. */
  async everything(): Promise<string> {
    const { events } = await this.log.read({ from: 0, limit: 10_000 });
    const contents = [...(await this.store.getMany(this.#storedDigests(events))).values()];
    return [JSON.stringify(events), ...contents, ...this.logger.lines].join('\n');
  }

  #storedDigests(events: readonly RecordedEvent[]): Digest[] {
    return [...JSON.stringify(events).matchAll(/sha256:[0-9a-f]{64}/g)].map(([text]) => Digest.parse(text));
  }

  /** A file in the fixture's directory. */
  async file(name: string, content: string): Promise<string> {
    const file = path.join(this.#directory, name);
    await writeFile(file, content);
    return file;
  }
}
