// SPDX-License-Identifier: Apache-2.0
import 'reflect-metadata';
import { type DynamicModule, type INestApplication, Module, type Type } from '@nestjs/common';
import { ModuleRef, NestFactory } from '@nestjs/core';
import type { CustomStrategy } from '@nestjs/microservices';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type Clock, messageOf } from '@plumbline/core';
import { type HealthServer, startHealthServer } from './health/health-server.js';
import { ErrorFilter } from './http/error.filter.js';
import { UnusedConnections } from './http/unused-connections.js';
import { parseListen } from './load-config.js';
import { createLogger, type Logger } from './logger.js';
import { NestLog } from './nest-log.js';
import { platformConfig, type PlatformConfig, processConfigSource } from './platform.config.js';
import { closePlatform, openPlatform, PlatformModule, type PlatformParts } from './platform.module.js';
import { type Endpoints, Readiness } from './readiness.js';
import { startTelemetry, type Telemetry } from './telemetry/telemetry.js';
import { TraceInterceptor } from './telemetry/trace.interceptor.js';
import { type ConfigSource, EVENT_TRANSPORT, HTTP_EDGE, type HttpEdge, TRACER } from './tokens.js';

/** What to run. */
export interface HostOptions {
  /** One service's module, or one that imports several. */
  readonly module: Type;
  readonly name: string;
  /** The environment of the process when absent. */
  readonly source?: ConfigSource;
  readonly logger?: Logger;
  readonly clock?: Clock;
}

/** A running process in all but the signals. */
export interface Host extends AsyncDisposable {
  readonly app: INestApplication;
  readonly endpoints: Endpoints;
  readonly readiness: Readiness;
  readonly logger: Logger;
  /**
   * Stops the intake, lets work finish, closes everything; the messages of what went wrong, none when all went well.
   */
  stop(): Promise<readonly string[]>;
}

const BODY_LIMIT_BYTES = 4 * 1024 * 1024;

async function createApplication(
  options: HostOptions,
  parts: PlatformParts,
  nestLog: NestLog,
): Promise<NestFastifyApplication> {
  @Module({})
  class HostModule {}
  const root: DynamicModule = { module: HostModule, imports: [PlatformModule.with(parts), options.module] };
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT_BYTES,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 300 },
  });
  // Without abortOnError a fatal error of the start is thrown here; with it, it would be a silent exit.
  const app = await NestFactory.create<NestFastifyApplication>(root, adapter, {
    logger: nestLog,
    abortOnError: false,
    rawBody: true,
  });
  app.useGlobalFilters(new ErrorFilter(parts.logger));
  app.useGlobalInterceptors(new TraceInterceptor(app.get(TRACER)));
  return app;
}

function edgeOf(app: NestFastifyApplication): HttpEdge | undefined {
  try {
    // Not app.get: it logs an error before it throws.
    return app.get(ModuleRef).get<HttpEdge>(HTTP_EDGE, { strict: false });
  } catch {
    // Nest has no other way to ask whether something is provided.
    return undefined;
  }
}

async function listen(app: NestFastifyApplication, parts: PlatformParts): Promise<void> {
  app.connectMicroservice<CustomStrategy>({ strategy: app.get(EVENT_TRANSPORT) }, { inheritAppConfig: true });
  const edge = edgeOf(app);
  await edge?.setup?.(app);
  // The intake first: what comes while a service catches up waits in its follower.
  await app.startAllMicroservices();
  if (edge === undefined) {
    await app.init();
    return;
  }
  const { host, port } = parseListen(edge.listen);
  await app.listen(port, host);
  const address = app.getHttpServer().address();
  const shownHost = host.includes(':') ? `[${host}]` : host;
  parts.endpoints.announce(
    'http',
    `http://${shownHost}:${typeof address === 'object' && address !== null ? address.port : port}`,
  );
}

class RunningHost implements Host {
  readonly #parts: PlatformParts;
  readonly #closing: {
    readonly nestLog: NestLog;
    readonly health: HealthServer;
    readonly connections: UnusedConnections;
  };

  readonly app: NestFastifyApplication;
  #stopping: Promise<readonly string[]> | undefined;

  constructor(
    app: NestFastifyApplication,
    parts: PlatformParts,
    closing: { readonly nestLog: NestLog; readonly health: HealthServer; readonly connections: UnusedConnections },
  ) {
    this.#parts = parts;
    this.#closing = closing;

    this.app = app;
  }

  get endpoints(): Endpoints {
    return this.#parts.endpoints;
  }

  get readiness(): Readiness {
    return this.#parts.readiness;
  }

  get logger(): Logger {
    return this.#parts.logger;
  }

  async stop(): Promise<readonly string[]> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(): Promise<readonly string[]> {
    const parts = this.#parts,
      closing = this.#closing;
    parts.readiness.report('process', false, 'stopping');
    const failures: string[] = [];
    const note = (error: unknown): void => void failures.push(messageOf(error));
    await parts.messaging.transport.close().catch(note);
    const errorsBefore = closing.nestLog.errors;
    // Streams to browsers end only when somebody ends them.
    const deadline = setTimeout(
      () => this.app.getHttpServer().closeAllConnections(),
      parts.config.shutdownTimeoutMs / 2,
    );
    const endUnused = closing.connections.end();
    await this.app.close().catch(note);
    endUnused();
    clearTimeout(deadline);
    if (closing.nestLog.errors > errorsBefore) failures.push('a service did not stop cleanly; see the log');
    for (const error of await closePlatform(parts)) note(error);
    await parts.telemetry.shutdown();
    await closing.health.close();
    return failures;
  }
}

interface Foundation {
  readonly source: ConfigSource;
  readonly config: PlatformConfig;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly readiness: Readiness;
  readonly health: HealthServer;
}

/** What must be there to tell how the start goes. */
async function layFoundation(options: HostOptions): Promise<Foundation> {
  const source = options.source ?? processConfigSource();
  const config = platformConfig(source);
  const logger = options.logger ?? createLogger({ service: options.name, level: config.loggingLevel });
  const telemetry = await startTelemetry({ service: options.name, otlpUrl: config.otlpUrl });
  const readiness = new Readiness();
  readiness.report('process', false, 'starting');
  const health = await startHealthServer({ listen: config.healthListen, readiness, telemetry });
  return { source, config, logger, telemetry, readiness, health };
}

/**
 * Starts a process: health door, adapters, Nest application, bus intake, HTTP when a module provides `HTTP_EDGE`.
 * Resolves when every module has caught up; rejects, with everything closed again, when one cannot start.
 */
export async function startHost(options: HostOptions): Promise<Host> {
  const foundation = await layFoundation(options);
  const { logger, readiness, health } = foundation;
  const undo: (() => Promise<unknown>)[] = [async () => health.close(), async () => foundation.telemetry.shutdown()];
  try {
    const parts = await openPlatform({
      ...foundation,
      service: options.name,
      ...(options.clock === undefined ? {} : { clock: options.clock }),
    });
    undo.unshift(async () => closePlatform(parts));
    parts.endpoints.announce('health', health.url);
    const nestLog = new NestLog(logger, foundation.config.loggingFramework);
    const app = await createApplication(options, parts, nestLog);
    undo.unshift(async () => app.close());
    const connections = new UnusedConnections(app.getHttpServer());
    await listen(app, parts);
    readiness.report('process', true);
    logger.info('ready', { endpoints: parts.endpoints.all });
    return new RunningHost(app, parts, { nestLog, health, connections });
  } catch (error) {
    // The reason of the failed start counts; what fails while tidying up after it would only hide it.
    for (const step of undo) await step().catch(() => undefined);
    throw error;
  }
}
