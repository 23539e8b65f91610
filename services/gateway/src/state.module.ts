// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import { reactorProvider } from '@plumbline/platform';
import { eventHandlersOf } from '@plumbline/reactor';
import { GATEWAY_CONFIG, gatewayConfigProvider } from './gateway.config.js';
import { GatewayEvents } from './gateway.events.js';
import { GatewayFold } from './state/gateway-fold.js';
import { LOG_ACCESS, LogAccess } from './state/log-access.js';
import { HANDLERS_FOR, type HandlersFor } from './state/state-rebuild.js';

const handlersFor: HandlersFor = (fold) => eventHandlersOf(new GatewayEvents(fold), 'gateway');

/** The gateway's state, folded from the log, and its settings. */
@Module({
  controllers: [GatewayEvents],
  providers: [
    gatewayConfigProvider,
    GatewayFold,
    { provide: HANDLERS_FOR, useValue: handlersFor },
    { provide: LOG_ACCESS, useClass: LogAccess },
    reactorProvider({
      consumer: 'gateway',
      service: 'gateway',
      events: GatewayEvents,
      fold: GatewayFold,
      code: [import.meta.url, import.meta.resolve('@plumbline/read-models')],
      allTypes: true,
    }),
  ],
  exports: [GATEWAY_CONFIG, LOG_ACCESS],
})
export class StateModule {}
