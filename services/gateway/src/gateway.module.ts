// SPDX-License-Identifier: Apache-2.0
import { type BeforeApplicationShutdown, Inject, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { messageOf } from '@plumbline/core';
import { HTTP_EDGE, type Logger, LOGGER } from '@plumbline/platform';
import { httpEdge } from './api/http-edge.js';
import { MomentGuard } from './api/moment.guard.js';
import { RoleGuard } from './api/role.guard.js';
import { ApplicationsService } from './applications/applications.service.js';
import { Authenticator } from './auth/authenticator.js';
import { Announcer, ANNOUNCER, Bootstrap } from './auth/bootstrap.js';
import { EventsConsumer } from './consumers/events.controller.js';
import { LeafBook } from './events/leaf-book.js';
import { EventsService } from './events/events.service.js';
import { GATEWAY_CONFIG, gatewayConfigProvider } from './gateway.config.js';
import { ApplicationsGrpc } from './grpc/applications.grpc.js';
import { EventsGrpc } from './grpc/events.grpc.js';
import { GrpcCalls } from './grpc/grpc-calls.js';
import { GrpcServer } from './grpc/grpc-server.js';
import { ResourcesGrpc } from './grpc/resources.grpc.js';
import { logFilesConfigProvider } from './log/log.config.js';
import { LogFilesController } from './log/log-files.controller.js';
import { LogGrpc } from './log/log.grpc.js';
import { LogService } from './log/log.service.js';
import { UpkeepGrpc } from './log/upkeep.grpc.js';
import { UpkeepService } from './log/upkeep.service.js';
import { SubscriptionsGrpc } from './grpc/subscriptions.grpc.js';
import { restControllers } from './openapi/controllers.js';
import { DocsController } from './openapi/docs.controller.js';
import { DiffService } from './reads/diff.service.js';
import { Past } from './reads/past.js';
import { ReadModel } from './reads/read-model.js';
import { RequestsService } from './requests/requests.service.js';
import { FollowedResources } from './resources/followed-resources.js';
import { ResourcesService } from './resources/resources.service.js';
import { LOG_ACCESS, LogAccess } from './state/log-access.js';
import { Deliveries } from './subscriptions/deliveries.js';
import { SubscriptionsService } from './subscriptions/subscriptions.service.js';
import { TokensService } from './tokens/tokens.service.js';
import { WebhooksService } from './webhooks/webhooks.service.js';

/** The door for users, CI and webhooks: REST, gRPC, event streams. Declares and requests; decides nothing. */
@Module({
  controllers: [...restControllers, DocsController, LogFilesController, EventsConsumer],
  providers: [
    gatewayConfigProvider,
    logFilesConfigProvider,
    LogService,
    LogGrpc,
    UpkeepService,
    UpkeepGrpc,
    { provide: LOG_ACCESS, useClass: LogAccess },
    { provide: ANNOUNCER, useClass: Announcer },
    { provide: HTTP_EDGE, inject: [GATEWAY_CONFIG, Authenticator], useFactory: httpEdge },
    ReadModel,
    Past,
    DiffService,
    ResourcesService,
    ApplicationsService,
    RequestsService,
    EventsService,
    LeafBook,
    SubscriptionsService,
    Deliveries,
    FollowedResources,
    TokensService,
    WebhooksService,
    Authenticator,
    Bootstrap,
    RoleGuard,
    MomentGuard,
    GrpcCalls,
    ApplicationsGrpc,
    ResourcesGrpc,
    EventsGrpc,
    SubscriptionsGrpc,
    GrpcServer,
  ],
  exports: [HTTP_EDGE],
})
export class GatewayModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #access: LogAccess;
  readonly #bootstrap: Bootstrap;
  readonly #grpc: GrpcServer;
  readonly #followed: FollowedResources;
  readonly #deliveries: Deliveries;
  readonly #logger: Logger;

  constructor(
    @Inject(LOG_ACCESS) access: LogAccess,
    @Inject(Bootstrap) bootstrap: Bootstrap,
    @Inject(GrpcServer) grpc: GrpcServer,
    @Inject(FollowedResources) followed: FollowedResources,
    @Inject(Deliveries) deliveries: Deliveries,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.#access = access;
    this.#bootstrap = bootstrap;
    this.#grpc = grpc;
    this.#followed = followed;
    this.#deliveries = deliveries;
    this.#logger = logger;
  }

  #following: Promise<unknown> = Promise.resolve();

  /** The log access ends its waits in the same hook. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.#following;
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.#access.start();
    try {
      await this.#bootstrap.run();
    } catch (error) {
      this.#logger.error('the first admin token could not be issued: nobody can sign in', { error: messageOf(error) });
      throw error;
    }
    await this.#grpc.start();
    this.#following = Promise.all([this.#followed.run(), this.#deliveries.run()]);
  }
}
