// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import { GATEWAY_CONFIG, gatewayConfigProvider } from '../gateway.config.js';
import { LOG_ACCESS, LogAccess } from './log-access.js';

/** The gateway's fold of the log, and its settings. */
@Module({
  providers: [gatewayConfigProvider, { provide: LOG_ACCESS, useClass: LogAccess }],
  exports: [GATEWAY_CONFIG, LOG_ACCESS],
})
export class StateModule {}
