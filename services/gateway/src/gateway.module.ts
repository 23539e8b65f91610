// SPDX-License-Identifier: Apache-2.0
import { type BeforeApplicationShutdown, Inject, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { messageOf } from '@plumbline/core';
import { type Logger, LOGGER } from '@plumbline/platform';
import { ActionsModule } from './actions/actions.module.js';
import { ApplicationsModule } from './applications/applications.module.js';
import { ApprovalsModule } from './approvals/approvals.module.js';
import { AuthModule } from './auth/auth.module.js';
import { Bootstrap } from './auth/bootstrap.js';
import { EventsModule } from './events/events.module.js';
import { LogModule } from './log/log.module.js';
import { ReadSideModule } from './read-side/read-side.module.js';
import { FollowedResources } from './resources/followed-resources.js';
import { ResourcesModule } from './resources/resources.module.js';
import { StateModule } from './state.module.js';
import { Deliveries } from './subscriptions/deliveries.js';
import { SubscriptionsModule } from './subscriptions/subscriptions.module.js';
import { TokensModule } from './tokens/tokens.module.js';
import { GrpcModule } from './transport/grpc/grpc.module.js';
import { GrpcServer } from './transport/grpc/grpc-server.js';
import { HttpModule } from './transport/http/http.module.js';
import { SseModule } from './transport/sse/sse.module.js';
import { WebhooksModule } from './webhooks/webhooks.module.js';
import { LOG_ACCESS, type LogAccess } from './state/log-access.js';

/**
 * The public API for users, CI and webhooks: REST, gRPC, event streams. It records declarations and requests; other
 * services decide.
 */
@Module({
  imports: [
    StateModule,
    AuthModule,
    ReadSideModule,
    ApplicationsModule,
    ActionsModule,
    ApprovalsModule,
    ResourcesModule,
    EventsModule,
    LogModule,
    SubscriptionsModule,
    TokensModule,
    WebhooksModule,
    HttpModule,
    SseModule,
    GrpcModule,
  ],
  exports: [HttpModule],
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

  /** Ends the waits for the log first: the hook of the module that owns it runs after this one. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#access.close();
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
