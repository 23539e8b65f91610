// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AsOfGuard } from '../operations/as-of.guard.js';
import { RequestMetrics } from '../operations/request-metrics.js';
import { StateModule } from '../state.module.js';
import { Authenticator } from './authenticator.js';
import { Announcer, ANNOUNCER, Bootstrap } from './bootstrap.js';
import { RoleGuard } from './role.guard.js';
import { SignInGuard } from './sign-in.guard.js';

/** Sign-in and authorisation of every operation, and the first admin token. */
@Module({
  imports: [StateModule],
  providers: [
    Authenticator,
    Bootstrap,
    RequestMetrics,
    { provide: ANNOUNCER, useClass: Announcer },
    // In this order: who calls, what the role permits, then the query.
    { provide: APP_GUARD, useClass: SignInGuard },
    { provide: APP_GUARD, useClass: RoleGuard },
    { provide: APP_GUARD, useClass: AsOfGuard },
  ],
  exports: [Authenticator, Bootstrap, RequestMetrics],
})
export class AuthModule {}
