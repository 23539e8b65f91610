// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import { HTTP_EDGE } from '@plumbline/platform';
import { Authenticator } from '../../auth/authenticator.js';
import { AuthModule } from '../../auth/auth.module.js';
import { GATEWAY_CONFIG } from '../../gateway.config.js';
import { RequestMetrics } from '../../operations/request-metrics.js';
import { ServerController } from '../../server/server.controller.js';
import { StateModule } from '../../state.module.js';
import { httpEdge } from './http-edge.js';
import { DocsController } from './openapi/docs.controller.js';

/** How the gateway serves HTTP: headers, limits, body parsing, and the OpenAPI document. */
@Module({
  imports: [AuthModule, StateModule],
  controllers: [ServerController, DocsController],
  providers: [{ provide: HTTP_EDGE, inject: [GATEWAY_CONFIG, Authenticator, RequestMetrics], useFactory: httpEdge }],
  exports: [HTTP_EDGE],
})
export class HttpModule {}
