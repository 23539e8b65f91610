// SPDX-License-Identifier: Apache-2.0
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ApplicationId, Digest, StreamName, uuidv7 } from '@plumbline/core';
import type { EventLog } from '@plumbline/event-log';
import { actorOf, MemoryEventLog } from '@plumbline/event-log/testing';
import {
  applicationSpec,
  type EventOf,
  type EventType,
  type NewEvent,
  type RecordedEvent,
  repositorySpec,
  type ServiceName,
} from '@plumbline/events';
import {
  generateSealKey,
  type ManifestObject,
  parseObject,
  parseObjectSet,
  parseSealKey,
  type SealKey,
  unsealObject,
} from '@plumbline/manifest';
import type { ObjectStore } from '@plumbline/object-store';
import { MemoryObjectStore } from '@plumbline/object-store/memory';
import { startTestService, type TestService } from '@plumbline/platform/testing';
import { type GitRepository, type GitServer, startGit, tempDir, waitUntil } from '@plumbline/testkit';
import { RendererModule } from './renderer.module.js';
import { RendererService } from './renderer.service.js';

/** A renderer on a log and a real Git server; the watcher's part is played by {@link Bench.observe}. */
export interface Bench extends AsyncDisposable {
  readonly log: EventLog;
  readonly git: GitServer;
  readonly repository: GitRepository;
  readonly service: TestService;
  readonly renderer: RendererService;
  readonly store: ObjectStore;
  readonly sealKey: SealKey;
  declare(id: string, spec: Record<string, unknown>): Promise<void>;
  append(
    service: ServiceName,
    items: readonly { readonly stream: string; readonly event: NewEvent }[],
  ): Promise<readonly RecordedEvent[]>;
  /** Says that `main` of the repository leads to the commit. */
  observe(revision: string): Promise<RecordedEvent>;
  events<Type extends EventType>(type: Type): Promise<readonly EventOf<Type>[]>;
  /** The n-th event of a type (from 1), when it is there. */
  event<Type extends EventType>(type: Type, nth?: number): Promise<EventOf<Type>>;
  /** Resolves when the renderer has nothing left to do: a marker application went through behind everything else. */
  settled(): Promise<void>;
  /** Objects of a rendered set by key, Secrets in clear. */
  objects(renderDigest: string): Promise<Readonly<Record<string, ManifestObject>>>;
  restart(): Promise<void>;
}

export interface BenchOptions {
  readonly log?: EventLog;
  readonly store?: ObjectStore;
  readonly settings?: Record<string, string>;
}

let cacheDir: string | undefined;

/** Returns the first result that is not undefined. */
export async function until<Result>(what: string, ask: () => Promise<Result | undefined>): Promise<Result> {
  return waitUntil(what, ask, { intervalMs: 5 });
}

/** Unpacked tools are kept between runs, as users keep them. */
export function toolCache(): string {
  cacheDir ??= path.resolve(import.meta.dirname, '../../../node_modules/.cache/plumbline');
  return cacheDir;
}

/** What a renderer is started with. */
export interface RendererParts {
  readonly log: EventLog;
  readonly store: ObjectStore;
  /** Of mirrors, working directories and snapshots. */
  readonly directory: string;
  readonly keyFile: string;
  readonly settings?: Record<string, string>;
}

/** Starts a renderer. The tools are shared by all of them. */
export async function startRenderer({
  log,
  store,
  directory,
  keyFile,
  settings = {},
}: RendererParts): Promise<TestService> {
  const dataDir = path.join(directory, 'data');
  await mkdir(dataDir, { recursive: true });
  // A link to a directory that is absent could not be written through.
  await mkdir(path.join(toolCache(), 'cache'), { recursive: true, mode: 0o700 });
  await symlink(path.join(toolCache(), 'cache'), path.join(dataDir, 'cache')).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  return startTestService({
    module: RendererModule,
    name: 'renderer',
    log,
    objects: store,
    settings: {
      PLUMBLINE_DATA_DIR: dataDir,
      PLUMBLINE_GIT_MIRROR_DIR: path.join(directory, 'mirrors'),
      PLUMBLINE_RENDERER_WORK_DIR: path.join(directory, 'work'),
      PLUMBLINE_SECRETS_KEY_FILE: keyFile,
      ...settings,
    },
  });
}

/** Starts a fixture: `await using bench = await startBench()`. */
export async function startBench(options: BenchOptions = {}): Promise<Bench> {
  const git = await startGit();
  const dir = await tempDir('renderer');
  const log = options.log ?? new MemoryEventLog();
  const store = options.store ?? new MemoryObjectStore();
  const keyFile = path.join(dir.path, 'seal.key');
  const keyText = generateSealKey();
  await writeFile(keyFile, keyText);
  const repository = await git.createRepository('shop');
  const start = async (): Promise<TestService> =>
    startRenderer({
      log,
      store,
      directory: dir.path,
      keyFile,
      ...(options.settings === undefined ? {} : { settings: options.settings }),
    });
  let service = await start();
  let markers = 0;
  const append: Bench['append'] = async (owner, items) => {
    const result = await log.append({
      requestId: uuidv7(Date.now()),
      actor: owner === 'gateway' ? { kind: 'user', id: 'u', name: 'Ada' } : actorOf(owner),
      service: owner,
      items: items.map(({ stream, event }) => ({ stream, expected: { type: 'any' }, events: [event] })),
    });
    service.reactor.checkLog();
    return result.events;
  };
  const events: Bench['events'] = async <Type extends EventType>(type: Type) => {
    const found: EventOf<Type>[] = [];
    for (let from = 0; ;) {
      const page = await log.read({ from, types: [type] });
      found.push(...(page.events as readonly RecordedEvent[] as EventOf<Type>[]));
      if (page.nextPosition >= page.headPosition) return found;
      from = page.nextPosition;
    }
  };
  await append('gateway', [
    {
      stream: StreamName.repository('shop'),
      event: {
        type: 'RepositoryDeclared',
        data: { name: 'shop', labels: {}, spec: repositorySpec.parse({ url: repository.url }) },
      },
    },
  ]);
  const declare: Bench['declare'] = async (id, spec) => {
    const application = ApplicationId.parse(id);
    const parsed = applicationSpec.parse({
      repository: 'shop',
      environments: [{ name: 'staging', clusters: { names: ['one'] } }],
      ...spec,
    });
    await append('gateway', [
      {
        stream: StreamName.application(application),
        event: { type: 'ApplicationDeclared', data: { application, labels: {}, spec: parsed } },
      },
    ]);
  };
  return {
    log,
    git,
    repository,
    store,
    sealKey: parseSealKey(Buffer.from(keyText)),
    get service() {
      return service;
    },
    get renderer() {
      return service.app.get(RendererService, { strict: false });
    },
    declare,
    append,
    events,
    observe: async (revision) => {
      const person = { name: 'Ada', email: 'ada@example.com' };
      const commit = {
        sha: revision,
        author: person,
        committer: person,
        coAuthors: [],
        message: 'Change',
        authoredAt: '2026-01-01T00:00:00Z',
        committedAt: '2026-01-01T00:00:00Z',
      };
      const [event] = await append('watcher', [
        {
          stream: StreamName.repository('shop'),
          event: {
            type: 'RevisionObserved',
            data: { repository: 'shop', ref: 'main', revision, forced: false, commit },
          },
        },
      ]);
      return event as RecordedEvent;
    },
    event: (type, nth = 1) => until(`${type} number ${nth}`, async () => (await events(type))[nth - 1]),
    settled: async () => {
      await service.app.get(RendererService, { strict: false }).whenIdle();
      markers += 1;
      await declare(`marker-${markers}`, { path: `no-such-path-${markers}` });
      const id = `default/marker-${markers}`;
      await until('the marker', async () => (await events('RenderFailed')).find(({ data }) => data.application === id));
      await append('gateway', [
        {
          stream: StreamName.application(ApplicationId.parse(id)),
          event: { type: 'ApplicationRemoved', data: { application: id, mode: 'Orphan' } },
        },
      ]);
      await service.app.get(RendererService, { strict: false }).whenIdle();
    },
    objects: async (renderDigest) => {
      const set = parseObjectSet(await store.get(Digest.parse(renderDigest)));
      const contents = await store.getMany(set.map(({ digest }) => digest));
      return Object.fromEntries(
        set.map(({ key, digest }) => [
          key,
          unsealObject(parseObject(contents.get(digest) ?? ''), parseSealKey(Buffer.from(keyText))),
        ]),
      );
    },
    restart: async () => {
      await service.stop();
      service = await start();
    },
    [Symbol.asyncDispose]: async () => {
      await service.stop();
      await git[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}

/** A ConfigMap as text. */
export function configMap(name: string, data: Record<string, string> = {}): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata: ${JSON.stringify(data)}\n`;
}
