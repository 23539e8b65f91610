// SPDX-License-Identifier: Apache-2.0
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { Inject, Injectable } from '@nestjs/common';
import type { BeforeApplicationShutdown } from '@nestjs/common';
import { ENDPOINTS, parseListen } from '@plumbline/platform';
import type { Endpoints } from '@plumbline/platform';
import { HealthImplementation } from 'grpc-health-check';
import { GATEWAY_CONFIG } from '../gateway.config.js';
import type { GatewayConfig } from '../gateway.config.js';
import { LOG_ACCESS } from '../state/log-access.js';
import type { LogAccess } from '../state/log-access.js';
import { ApplicationsGrpc } from './applications.grpc.js';
import { LogGrpc } from '../log/log.grpc.js';
import { EventsGrpc } from './events.grpc.js';
import { ServerReflectionService } from './generated/grpc/reflection/v1/reflection.js';
import {
  ApplicationsService, ApprovalsService, AuditService, ClustersService, EventsService, RepositoriesService, ResourcesService, SubscriptionsService, TargetsService, VersionsService,
} from './generated/plumbline/v1/plumbline.js';
import { LogService } from './generated/plumbline/v1/log.js';
import { reflectionServer } from './reflection.js';
import { ResourcesGrpc } from './resources.grpc.js';
import { SubscriptionsGrpc } from './subscriptions.grpc.js';

const GRACE_MS = 2_000;
const SERVICES = ['Applications', 'Approvals', 'Audit', 'Clusters', 'Events', 'Log', 'Repositories', 'Resources', 'Subscriptions', 'Targets', 'Versions'].map((name) => `plumbline.v1.${name}`);

/** The gRPC door, with health and reflection. */
@Injectable()
export class GrpcServer implements BeforeApplicationShutdown {
  // As much as the log takes in one append; and a dead peer is noticed, also while a stream is silent.
  readonly #server = new Server({ 'grpc.max_receive_message_length': 4 * 1024 * 1024, 'grpc.keepalive_time_ms': 30_000, 'grpc.keepalive_timeout_ms': 10_000 });
  readonly #health = new HealthImplementation(Object.fromEntries(['', ...SERVICES].map((name) => [name, 'SERVING' as const])));
  #listening = false;

  constructor(
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
    @Inject(ENDPOINTS) private readonly endpoints: Endpoints,
    @Inject(ApplicationsGrpc) private readonly applications: ApplicationsGrpc,
    @Inject(ResourcesGrpc) private readonly resources: ResourcesGrpc,
    @Inject(EventsGrpc) private readonly events: EventsGrpc,
    @Inject(LogGrpc) private readonly log: LogGrpc,
    @Inject(SubscriptionsGrpc) private readonly subscriptions: SubscriptionsGrpc,
    @Inject(LOG_ACCESS) private readonly access: LogAccess,
  ) {}

  /** Listens; rejects when the address cannot be had. */
  async start(): Promise<void> {
    const server = this.#server;
    server.addService(ApplicationsService, { ...this.applications.applicationsServer() });
    server.addService(VersionsService, { ...this.applications.versionsServer() });
    server.addService(TargetsService, { ...this.applications.targetsServer() });
    server.addService(ResourcesService, { ...this.resources.resourcesServer() });
    server.addService(RepositoriesService, { ...this.resources.repositoriesServer() });
    server.addService(ClustersService, { ...this.resources.clustersServer() });
    server.addService(ApprovalsService, { ...this.resources.approvalsServer() });
    server.addService(EventsService, { ...this.events.eventsServer() });
    server.addService(AuditService, { ...this.events.auditServer() });
    server.addService(SubscriptionsService, { ...this.subscriptions.subscriptionsServer() });
    server.addService(LogService, { ...this.log.logServer() });
    server.addService(ServerReflectionService, { ...reflectionServer([...SERVICES, 'grpc.reflection.v1.ServerReflection']) });
    this.#health.addToServer(server);
    const { host } = parseListen(this.config.grpcListen);
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(this.config.grpcListen, ServerCredentials.createInsecure(), (error, bound) => (error === null ? resolve(bound) : reject(error)));
    });
    this.#listening = true;
    this.endpoints.announce('grpc', `grpc://${host.includes(':') ? `[${host}]` : host}:${port}`);
  }

  /** Ends the streams, lets calls finish for a moment, then cuts. */
  async beforeApplicationShutdown(): Promise<void> {
    if (!this.#listening) return;
    this.#health.setStatus('', 'NOT_SERVING');
    this.access.close();
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
