// SPDX-License-Identifier: Apache-2.0
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import { HealthImplementation } from 'grpc-health-check';
import { type Endpoints, ENDPOINTS, parseListen } from '@plumbline/platform';
import { GATEWAY_CONFIG, type GatewayConfig } from '../../gateway.config.js';
import { LOG_ACCESS, type LogAccess } from '../../state/log-access.js';
import { ApplicationsGrpc } from './applications.grpc.js';
import { LogGrpc } from './log.grpc.js';
import { EventsGrpc } from './events.grpc.js';
import { serviceDefinition } from './codec.js';
import { ServerReflection } from './generated/grpc/reflection/v1/reflection_pb.js';
import { Log } from './generated/plumbline/v1/log_pb.js';
import {
  Applications,
  Approvals,
  Audit,
  Clusters,
  Events,
  Repositories,
  Resources,
  Subscriptions,
  Targets,
  Versions,
} from './generated/plumbline/v1/plumbline_pb.js';
import { reflectionServer } from './reflection.js';
import { ResourcesGrpc } from './resources.grpc.js';
import { SubscriptionsGrpc } from './subscriptions.grpc.js';

const GRACE_MS = 2_000;
const SERVICES = [
  Applications,
  Approvals,
  Audit,
  Clusters,
  Events,
  Log,
  Repositories,
  Resources,
  Subscriptions,
  Targets,
  Versions,
].map(({ typeName }) => typeName);

/** The gRPC server of the public API, with health and reflection. */
@Injectable()
export class GrpcServer implements BeforeApplicationShutdown {
  readonly #config: GatewayConfig;
  readonly #endpoints: Endpoints;
  readonly #applications: ApplicationsGrpc;
  readonly #resources: ResourcesGrpc;
  readonly #events: EventsGrpc;
  readonly #log: LogGrpc;
  readonly #subscriptions: SubscriptionsGrpc;
  readonly #access: LogAccess;

  // As much as the log takes in one append; and a dead peer is noticed, also while a stream is silent.
  readonly #server = new Server({
    'grpc.max_receive_message_length': 4 * 1024 * 1024,
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 10_000,
  });
  readonly #health = new HealthImplementation(
    Object.fromEntries(['', ...SERVICES].map((name) => [name, 'SERVING' as const])),
  );
  #listening = false;

  constructor(
    @Inject(GATEWAY_CONFIG) config: GatewayConfig,
    @Inject(ENDPOINTS) endpoints: Endpoints,
    @Inject(ApplicationsGrpc) applications: ApplicationsGrpc,
    @Inject(ResourcesGrpc) resources: ResourcesGrpc,
    @Inject(EventsGrpc) events: EventsGrpc,
    @Inject(LogGrpc) log: LogGrpc,
    @Inject(SubscriptionsGrpc) subscriptions: SubscriptionsGrpc,
    @Inject(LOG_ACCESS) access: LogAccess,
  ) {
    this.#config = config;
    this.#endpoints = endpoints;
    this.#applications = applications;
    this.#resources = resources;
    this.#events = events;
    this.#log = log;
    this.#subscriptions = subscriptions;
    this.#access = access;
  }

  /** Listens; rejects when the address cannot be had. */
  async start(): Promise<void> {
    const server = this.#server;
    server.addService(serviceDefinition(Applications), { ...this.#applications.applicationsServer() });
    server.addService(serviceDefinition(Versions), { ...this.#applications.versionsServer() });
    server.addService(serviceDefinition(Targets), { ...this.#applications.targetsServer() });
    server.addService(serviceDefinition(Resources), { ...this.#resources.resourcesServer() });
    server.addService(serviceDefinition(Repositories), { ...this.#resources.repositoriesServer() });
    server.addService(serviceDefinition(Clusters), { ...this.#resources.clustersServer() });
    server.addService(serviceDefinition(Approvals), { ...this.#resources.approvalsServer() });
    server.addService(serviceDefinition(Events), { ...this.#events.eventsServer() });
    server.addService(serviceDefinition(Audit), { ...this.#events.auditServer() });
    server.addService(serviceDefinition(Subscriptions), { ...this.#subscriptions.subscriptionsServer() });
    server.addService(serviceDefinition(Log), { ...this.#log.logServer() });
    server.addService(serviceDefinition(ServerReflection), {
      ...reflectionServer([...SERVICES, ServerReflection.typeName]),
    });
    this.#health.addToServer(server);
    const { host } = parseListen(this.#config.grpcListen);
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(this.#config.grpcListen, ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    this.#listening = true;
    this.#endpoints.announce('grpc', `grpc://${host.includes(':') ? `[${host}]` : host}:${port}`);
  }

  /** Ends the streams, lets calls finish for a moment, then cuts. */
  async beforeApplicationShutdown(): Promise<void> {
    if (!this.#listening) return;
    this.#health.setStatus('', 'NOT_SERVING');
    this.#access.close();
    await new Promise<void>((resolve) => {
      // After a cut nothing is left to wait for, and the callback need not come any more.
      const timer = setTimeout(() => {
        this.#server.forceShutdown();
        resolve();
      }, GRACE_MS);
      this.#server.tryShutdown(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
