// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import { ActionsModule } from '../../actions/actions.module.js';
import { ApplicationsModule } from '../../applications/applications.module.js';
import { ApprovalsModule } from '../../approvals/approvals.module.js';
import { AuthModule } from '../../auth/auth.module.js';
import { EventsModule } from '../../events/events.module.js';
import { LogModule } from '../../log/log.module.js';
import { ReadSideModule } from '../../read-side/read-side.module.js';
import { ResourcesModule } from '../../resources/resources.module.js';
import { StateModule } from '../../state.module.js';
import { SubscriptionsModule } from '../../subscriptions/subscriptions.module.js';
import { ApplicationsGrpc } from './applications.grpc.js';
import { EventsGrpc } from './events.grpc.js';
import { GrpcCalls } from './grpc-calls.js';
import { GrpcServer } from './grpc-server.js';
import { LogAdministrationGrpc } from './log-administration.grpc.js';
import { LogGrpc } from './log.grpc.js';
import { ResourcesGrpc } from './resources.grpc.js';
import { SubscriptionsGrpc } from './subscriptions.grpc.js';

/** The public gRPC API: the services of the REST API over proto/plumbline/v1. */
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
  ],
  providers: [
    GrpcCalls,
    ApplicationsGrpc,
    ResourcesGrpc,
    EventsGrpc,
    SubscriptionsGrpc,
    LogGrpc,
    LogAdministrationGrpc,
    GrpcServer,
  ],
  exports: [GrpcServer],
})
export class GrpcModule {}
