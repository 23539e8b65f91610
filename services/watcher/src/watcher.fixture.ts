// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import { ApplicationId, StreamName, uuidv7 } from '@plumbline/core';
import type { EventLog } from '@plumbline/event-log';
import { MemoryEventLog } from '@plumbline/event-log/testing';
import {
  applicationSpec,
  type EventOf,
  type EventType,
  type NewEvent,
  type RecordedEvent,
  repositorySpec,
} from '@plumbline/events';
import { startTestService, type TestService } from '@plumbline/platform/testing';
import { type GitServer, type GitServerOptions, startGit, tempDir, waitUntil } from '@plumbline/testkit';
import { WatcherModule } from './watcher.module.js';

/** A watcher on a log and a real Git server. */
export interface WatcherFixture extends AsyncDisposable {
  readonly log: EventLog;
  readonly git: GitServer;
  readonly watcher: TestService;
  declareRepository(name: string, spec: Record<string, unknown>): Promise<void>;
  declareApplication(id: string, repository: string, ref?: string): Promise<void>;
  append(stream: string, event: NewEvent): Promise<RecordedEvent>;
  /** All events of a type so far. */
  events<Type extends EventType>(type: Type): Promise<readonly EventOf<Type>[]>;
  /** The n-th event of a type (from 1), when it is there. */
  event<Type extends EventType>(type: Type, nth?: number): Promise<EventOf<Type>>;
  /** Stops this watcher and starts another on the same log and disk. */
  restart(): Promise<void>;
}

export interface WatcherFixtureOptions extends GitServerOptions {
  readonly log?: EventLog;
  readonly settings?: Record<string, string>;
}

/** Returns the first result that is not undefined. */
export async function until<Result>(what: string, ask: () => Promise<Result | undefined>): Promise<Result> {
  return waitUntil(what, ask, { intervalMs: 10 });
}

/** Starts a watcher whose mirrors and snapshots are in a directory. */
export async function startWatcher(
  log: EventLog,
  directory: string,
  settings: Record<string, string> = {},
): Promise<TestService> {
  return startTestService({
    module: WatcherModule,
    name: 'watcher',
    log,
    settings: { PLUMBLINE_DATA_DIR: directory, PLUMBLINE_GIT_MIRROR_DIR: path.join(directory, 'mirrors'), ...settings },
  });
}

/** Starts a fixture: `await using bench = await startWatcherFixture()`. */
export async function startWatcherFixture(options: WatcherFixtureOptions = {}): Promise<WatcherFixture> {
  const git = await startGit(options);
  const dir = await tempDir('watcher');
  const log = options.log ?? new MemoryEventLog();
  const settings = options.settings ?? {};
  let watcher = await startWatcher(log, dir.path, settings);
  const append = async (stream: string, event: NewEvent): Promise<RecordedEvent> => {
    const result = await log.append({
      requestId: uuidv7(Date.now()),
      actor: { kind: 'user', id: 'u', name: 'Ada' },
      service: 'gateway',
      items: [{ stream, expected: { type: 'any' }, events: [event] }],
    });
    watcher.reactor.checkLog();
    return result.events[0] as RecordedEvent;
  };
  const events = async <Type extends EventType>(type: Type): Promise<readonly EventOf<Type>[]> => {
    const found: EventOf<Type>[] = [];
    for (let from = 0; ;) {
      const page = await log.read({ from, types: [type] });
      found.push(...(page.events as readonly RecordedEvent[] as EventOf<Type>[]));
      if (page.nextPosition >= page.headPosition) return found;
      from = page.nextPosition;
    }
  };
  return {
    log,
    git,
    get watcher() {
      return watcher;
    },
    append,
    events,
    declareRepository: async (name, spec) => {
      await append(StreamName.repository(name), {
        type: 'RepositoryDeclared',
        data: { name, labels: {}, spec: repositorySpec.parse({ interval: '1h', ...spec }) },
      });
    },
    declareApplication: async (id, repository, ref = 'main') => {
      const spec = applicationSpec.parse({
        repository,
        ref,
        environments: [{ name: 'staging', clusters: { names: ['one'] } }],
      });
      await append(StreamName.application(ApplicationId.parse(id)), {
        type: 'ApplicationDeclared',
        data: { application: ApplicationId.parse(id), labels: {}, spec },
      });
    },
    event: (type, nth = 1) => until(`${type} number ${nth}`, async () => (await events(type))[nth - 1]),
    restart: async () => {
      await watcher.stop();
      watcher = await startWatcher(log, dir.path, settings);
    },
    [Symbol.asyncDispose]: async () => {
      await watcher.stop();
      await git[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}

/** A request to look now. */
export function refresh(repository: string): NewEvent {
  return { type: 'RefreshRequested', data: { repository, source: 'User' } };
}
