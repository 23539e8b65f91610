// SPDX-License-Identifier: Apache-2.0
import 'reflect-metadata';
import {
  type DynamicModule,
  type INestApplicationContext,
  type InjectionToken,
  Module,
  type Type,
} from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { type Clock, systemClock } from '@plumbline/core';
import { EVENT_LOG, type EventLog } from '@plumbline/event-log';
import { OBJECT_STORE, type ObjectStore } from '@plumbline/object-store';
import { MemoryObjectStore } from '@plumbline/object-store/memory';
import type { EventReactor, LiveEvents } from '@plumbline/reactor';
import { recordedMetrics, type RecordedMetrics } from '@plumbline/reactor/testing';
import { createLogger, type Logger } from '../logger.js';
import { NestLog } from '../nest-log.js';
import { processConfigSource } from '../platform.config.js';
import { EVENT_REACTOR } from '../reactor.provider.js';
import { Endpoints, Readiness, type ReadinessState } from '../readiness.js';
import {
  EVENT_TRANSPORT,
  CLOCK,
  CONFIG_SOURCE,
  ENDPOINTS,
  LOGGER,
  METER,
  READINESS,
  SERVICE_NAME,
  TRACER,
} from '../tokens.js';

/** What a service is tested with; everything that is not given is real or in memory. */
export interface TestServiceOptions {
  readonly module: Type;
  readonly name: string;
  readonly log: EventLog;
  readonly objects?: ObjectStore;
  /** Settings; `PATH` is that of the process. */
  readonly settings: Readonly<Record<string, string>>;
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** Delivers events; without it the service reads the log every two seconds, and at `checkLog()`. */
  readonly live?: LiveEvents;
  /** Further providers that the platform has in a process. */
  readonly provide?: readonly { readonly provide: InjectionToken; readonly useValue: unknown }[];
}

/** A service in a Nest application, with its wiring, its handlers and its life. */
export interface TestService extends AsyncDisposable {
  readonly app: INestApplicationContext;
  readonly reactor: EventReactor;
  readonly metrics: RecordedMetrics;
  /** Spans that have ended. */
  readonly spans: readonly ReadableSpan[];
  /** What the service reports for a part; the consumer reports as a part of its name. */
  readiness(part: string): ReadinessState | undefined;
  /** Stops the service as a process does; may be called again. */
  stop(): Promise<void>;
}

/** Starts a service on a log; resolves when it has caught up. */
export async function startTestService(options: TestServiceOptions): Promise<TestService> {
  const { name, log, live } = options;
  const metrics = recordedMetrics();
  const exporter = new InMemorySpanExporter();
  const traces = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  const readiness = new Readiness();
  const logger = options.logger ?? createLogger({ service: name, level: 'silent' });
  const providers = [
    { provide: EVENT_LOG, useValue: log },
    { provide: OBJECT_STORE, useValue: options.objects ?? new MemoryObjectStore() },
    { provide: CLOCK, useValue: options.clock ?? systemClock },
    { provide: LOGGER, useValue: logger },
    { provide: CONFIG_SOURCE, useValue: { PATH: processConfigSource()['PATH'], ...options.settings } },
    { provide: SERVICE_NAME, useValue: name },
    { provide: METER, useValue: metrics.meter },
    { provide: TRACER, useValue: traces.getTracer('spec') },
    { provide: READINESS, useValue: readiness },
    { provide: ENDPOINTS, useValue: new Endpoints() },
    { provide: EVENT_TRANSPORT, useValue: live ?? {} },
    ...(options.provide ?? []),
  ];
  @Module({})
  class TestPlatformModule {}
  const platform: DynamicModule = {
    module: TestPlatformModule,
    global: true,
    providers,
    exports: providers.map(({ provide }) => provide),
  };
  const app = await Test.createTestingModule({ imports: [platform, options.module] })
    .setLogger(new NestLog(logger, false))
    .compile();
  await app.init();
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => (stopping ??= app.close());
  return {
    app,
    reactor: app.get<EventReactor>(EVENT_REACTOR, { strict: false }),
    metrics,
    get spans() {
      return exporter.getFinishedSpans();
    },
    readiness: (part) => readiness.states.find((state) => state.part === part),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
