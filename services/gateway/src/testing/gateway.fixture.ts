// SPDX-License-Identifier: Apache-2.0
import 'reflect-metadata';
import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { trace } from '@opentelemetry/api';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { allOperations } from '@plumbline/api-contract';
import { LogClient, PlumblineClient } from '@plumbline/api-client';
import { type Clock, systemClock, uuidv7 } from '@plumbline/core';
import {
  DELIVERY_CURSORS,
  type DeliveryCursors,
  EVENT_LOG,
  LEGAL_HOLDS,
  LOG_QUERIES,
  LOG_TREE,
  PARKED_WORK,
  PERSONAL_DATA,
  WORK_LEASES,
} from '@plumbline/event-log';
import {
  MemoryDeliveryCursors,
  MemoryEventLog,
  MemoryLegalHolds,
  MemoryLogTree,
  MemoryParkedWork,
  MemoryPersonalData,
  MemoryWorkLeases,
} from '@plumbline/event-log/testing';
import {
  type Actor,
  type EventData,
  eventOwners,
  type EventType,
  type NewEvent,
  type RecordedEvent,
} from '@plumbline/events';
import { OBJECT_STORE } from '@plumbline/object-store';
import { MemoryObjectStore } from '@plumbline/object-store/memory';
import {
  CLOCK,
  CONFIG_SOURCE,
  type ConfigSource,
  createLogger,
  Endpoints,
  ENDPOINTS,
  ErrorFilter,
  EVENT_REACTOR,
  HTTP_EDGE,
  type HttpEdge,
  LOGGER,
  METER,
  Readiness,
  READINESS,
  TRACER,
} from '@plumbline/platform';
import { generateSigningKeyPem, pemSigner } from '@plumbline/merkle';
import type { EventReactor } from '@plumbline/reactor';
import { tempDir } from '@plumbline/testkit';
import { GatewayModule } from '../gateway.module.js';
import { type Announcer, ANNOUNCER } from '../auth/bootstrap.js';
import { LOG_ACCESS, type LogAccess } from '../state/log-access.js';
import { InMemoryLogQueries } from './in-memory-log-queries.fixture.js';

/** How the gateway under test is set up. */
export interface GatewayOptions {
  readonly source?: ConfigSource;
  readonly log?: MemoryEventLog;
  readonly clock?: Clock;
  readonly leases?: MemoryWorkLeases;
  readonly cursors?: DeliveryCursors;
}

/** A gateway that serves on loopback, over a log in memory; other services are played by the spec. */
export interface GatewayUnderTest extends AsyncDisposable {
  readonly url: string;
  readonly grpcAddress: string;
  readonly log: MemoryEventLog;
  readonly objects: MemoryObjectStore;
  /** What is parked, for the spec to say. */
  readonly parked: MemoryParkedWork;
  /** Who is known, for the spec to say. */
  readonly persons: MemoryPersonalData;
  readonly app: NestFastifyApplication;
  readonly access: LogAccess;
  /** The admin token that the first start announced. */
  readonly adminToken: string;
  /** Lines of the log so far. */
  readonly logLines: readonly string[];
  /** What the metrics endpoint serves. */
  readonly metrics: () => Promise<string>;
  /** Announcements on standard output. */
  readonly announced: readonly string[];
  /** Appends an event as the service that owns it, and waits until the gateway has it. */
  append<Type extends EventType>(
    type: Type,
    stream: string,
    data: EventData<Type>,
    options?: AppendOptions,
  ): Promise<RecordedEvent>;
  /** A token of a role, issued through the log. */
  readonly tokenOf: (role: 'viewer' | 'operator' | 'admin') => Promise<string>;
}

export interface AppendOptions {
  readonly causationId?: string;
  readonly correlationId?: string;
  readonly actor?: Actor;
}

/** Starts a gateway as a host does: adapter, filter, edge, listen. */
export async function startGateway(options: GatewayOptions = {}): Promise<GatewayUnderTest> {
  const log = options.log ?? new MemoryEventLog();
  const dataDir = await tempDir('gateway');
  const objects = new MemoryObjectStore();
  const parked = new MemoryParkedWork(log);
  const persons = new MemoryPersonalData(log);
  const clock = options.clock ?? systemClock;
  const leases = options.leases ?? new MemoryWorkLeases();
  const logLines: string[] = [];
  const announced: string[] = [];
  const destination = new Writable({ write: (chunk, _, done) => (logLines.push(String(chunk)), done()) });
  const logger = createLogger({ service: 'gateway', level: 'debug', destination });
  const endpoints = new Endpoints();
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const meters = new MeterProvider({ readers: [exporter] });
  const values = new Map<symbol, unknown>([
    [EVENT_LOG, log],
    [LOG_QUERIES, new InMemoryLogQueries(log)],
    [LOG_TREE, new MemoryLogTree({ log, signer: pemSigner(generateSigningKeyPem(), 'plumbline.test/gateway') })],
    [PARKED_WORK, parked],
    [LEGAL_HOLDS, new MemoryLegalHolds(log)],
    [PERSONAL_DATA, persons],
    [WORK_LEASES, leases],
    [DELIVERY_CURSORS, options.cursors ?? new MemoryDeliveryCursors(leases)],
    [OBJECT_STORE, objects],
    [CLOCK, clock],
    [LOGGER, logger],
    [READINESS, new Readiness()],
    [METER, meters.getMeter('gateway')],
    [TRACER, trace.getTracer('gateway')],
    [ENDPOINTS, endpoints],
    [
      CONFIG_SOURCE,
      {
        PLUMBLINE_GATEWAY_LISTEN: '127.0.0.1:0',
        PLUMBLINE_GATEWAY_GRPC_LISTEN: '127.0.0.1:0',
        PLUMBLINE_DATA_DIR: dataDir.path,
        ...options.source,
      },
    ],
  ]);
  const providers = [...values].map(([provide, useValue]) => ({ provide, useValue }));
  @Module({})
  class Ports {}
  @Module({})
  class Root {}
  const ports = { module: Ports, global: true, providers, exports: providers.map(({ provide }) => provide) };
  const root = { module: Root, imports: [ports, GatewayModule] };
  const adapter = new FastifyAdapter({
    bodyLimit: 4 * 1024 * 1024,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 300 },
  });
  const app = await NestFactory.create<NestFastifyApplication>(root, adapter, {
    logger: ['fatal'],
    abortOnError: false,
    rawBody: true,
  });
  app.useGlobalFilters(new ErrorFilter(logger));
  await app.get<HttpEdge>(HTTP_EDGE, { strict: false }).setup?.(app);
  app.get<Announcer>(ANNOUNCER, { strict: false }).announce = (line) => void announced.push(line);
  await app.listen(0, '127.0.0.1');
  const access = app.get<LogAccess>(LOG_ACCESS, { strict: false });
  const reactor = app.get<EventReactor>(EVENT_REACTOR, { strict: false });
  // What a transport does for a gateway that runs with others.
  log.onCommitted(({ firstPosition, lastPosition }) => {
    void log
      .read({ from: firstPosition, limit: lastPosition - firstPosition + 1 })
      .then(({ events }) => reactor.offer({ from: firstPosition, next: lastPosition + 1, events }));
  });
  const address = app.getHttpServer().address();
  const append: GatewayUnderTest['append'] = async (type, stream, data, given = {}) => {
    const service = eventOwners[type];
    const events = [{ type, data } as unknown as NewEvent];
    const actor = given.actor ?? { kind: 'service' as const, id: service, name: service };
    const { causationId, correlationId } = given;
    const result = await log.append({
      requestId: uuidv7(clock.nowMs()),
      actor,
      service,
      items: [{ stream, expected: { type: 'any' }, events }],
      ...(causationId === undefined ? {} : { causationId }),
      ...(correlationId === undefined ? {} : { correlationId }),
    });
    await access.folded(result.lastPosition);
    const [event] = (await log.read({ from: result.lastPosition, limit: 1 })).events;
    if (event === undefined) throw new Error('the event cannot be read');
    return event;
  };
  const adminToken = /plumb_[\w-]{43}/.exec(announced.join('\n'))?.[0] ?? '';
  const url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  return {
    url,
    grpcAddress: (endpoints.get('grpc') ?? '').replace('grpc://', ''),
    log,
    objects,
    parked,
    persons,
    app,
    access,
    adminToken,
    logLines,
    metrics: async () => new PrometheusSerializer('', false).serialize((await exporter.collect()).resourceMetrics),
    announced,
    append,
    tokenOf: async (role) => {
      const response = await fetch(`${url}/api/v1/tokens`, {
        method: 'POST',
        headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
        body: JSON.stringify({ name: `a ${role}`, role }),
      });
      return ((await response.json()) as { readonly token: string }).token;
    },
    [Symbol.asyncDispose]: async () => {
      await app.close();
      await dataDir[Symbol.asyncDispose]();
    },
  };
}

/**
 * A client whose every answer is held against the API document: what is not described there, or not as described,
 * fails the spec.
 */
export function clientOf(gateway: GatewayUnderTest, token: string = gateway.adminToken): PlumblineClient {
  return new PlumblineClient({ server: gateway.url, token, fetch: documentedFetch });
}

/** The same for the log. */
export function logClientOf(gateway: GatewayUnderTest, token: string = gateway.adminToken): LogClient {
  return new LogClient({ server: gateway.url, token, fetch: documentedFetch });
}

const documentedFetch: typeof fetch = async (input, init) => {
  const response = await fetch(input, init);
  const { pathname } = new URL(String(input));
  const served = allOperations.find(
    ({ method, path }) =>
      method === init?.method && new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(pathname),
  );
  if (served === undefined) throw new Error(`${init?.method} ${pathname} is not in the API document`);
  if (!response.ok || served.responseType !== undefined) return response;
  const body: unknown = await response.clone().json();
  if (response.status !== served.status)
    throw new Error(`${served.id} answered ${response.status}, not ${served.status}`);
  // Fields that the schema does not know are dropped by parsing it.
  assert.deepStrictEqual(served.response.parse(body), body, `${served.id} answered what the API document does not say`);
  return response;
};
