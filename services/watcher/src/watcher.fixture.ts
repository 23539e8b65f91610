// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import { ApplicationId, StreamName, systemClock, uuidv7 } from '@plumbline/core';
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
import { createLogger, processConfigSource } from '@plumbline/platform';
import { type GitServer, type GitServerOptions, startGit, tempDir, waitUntil } from '@plumbline/testkit';
import { watcherConfig } from './watcher.config.js';
import { WatcherService } from './watcher.service.js';

/** A watcher on a log and a real Git server. */
export interface Bench extends AsyncDisposable {
  readonly log: EventLog;
  readonly git: GitServer;
  readonly watcher: WatcherService;
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

export interface BenchOptions extends GitServerOptions {
  readonly log?: EventLog;
  readonly settings?: Record<string, string>;
}

/** Returns the first result that is not undefined. */
export async function until<Result>(what: string, ask: () => Promise<Result | undefined>): Promise<Result> {
  return waitUntil(what, ask, { intervalMs: 10 });
}

function watcherOn(log: EventLog, dir: string, settings: Record<string, string>): WatcherService {
  const config = watcherConfig({
    PATH: processConfigSource()['PATH'],
    PLUMBLINE_DATA_DIR: dir,
    PLUMBLINE_GIT_MIRROR_DIR: path.join(dir, 'mirrors'),
    ...settings,
  });
  return new WatcherService(log, createLogger({ service: 'watcher', level: 'silent' }), systemClock, config);
}

/** Starts a bench: `await using bench = await startBench()`. */
export async function startBench(options: BenchOptions = {}): Promise<Bench> {
  const git = await startGit(options);
  const dir = await tempDir('watcher');
  const log = options.log ?? new MemoryEventLog();
  const settings = options.settings ?? {};
  let watcher = watcherOn(log, dir.path, settings);
  await watcher.onApplicationBootstrap();
  const append = async (stream: string, event: NewEvent): Promise<RecordedEvent> => {
    const { lastPosition } = await log.append({
      requestId: uuidv7(Date.now()),
      actor: { kind: 'user', id: 'u', name: 'Ada' },
      service: 'gateway',
      items: [{ stream, expected: { type: 'any' }, events: [event] }],
    });
    const { events } = await log.read({ from: lastPosition, limit: 1 });
    watcher.offer({ shard: 0, firstPosition: lastPosition, lastPosition, events });
    return events[0] as RecordedEvent;
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
      await watcher.beforeApplicationShutdown();
      watcher = watcherOn(log, dir.path, settings);
      await watcher.onApplicationBootstrap();
    },
    [Symbol.asyncDispose]: async () => {
      await watcher.beforeApplicationShutdown();
      await git[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}

/** A request to look now. */
export function refresh(repository: string): NewEvent {
  return { type: 'RefreshRequested', data: { repository, source: 'User' } };
}
