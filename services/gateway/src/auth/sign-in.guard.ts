// SPDX-License-Identifier: Apache-2.0
import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { GATEWAY_CONFIG, type GatewayConfig } from '../gateway.config.js';
import { operationOf } from '../operations/operation.js';
import { hasPrincipal, setPrincipal } from '../operations/principal.js';
import { sourceOf } from '../operations/source.js';
import { Authenticator } from './authenticator.js';

/**
 * Recognises the principal of every operation that is not public. Handlers without an operation (documents, files of
 * the log) are public.
 * Over HTTP the principal is usually known already: the edge authenticates before it reads a body.
 */
@Injectable()
export class SignInGuard implements CanActivate {
  readonly #authenticator: Authenticator;
  readonly #config: GatewayConfig;

  constructor(@Inject(Authenticator) authenticator: Authenticator, @Inject(GATEWAY_CONFIG) config: GatewayConfig) {
    this.#authenticator = authenticator;
    this.#config = config;
  }

  /** @throws AuthError PLB-2001, PLB-2002; OverloadedError PLB-5701 */
  canActivate(context: ExecutionContext): boolean {
    const served = operationOf(context.getHandler());
    if (served === undefined || served.access === 'public') return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    if (!hasPrincipal(request)) {
      const source = sourceOf(request, this.#config.trustProxy);
      setPrincipal(request, this.#authenticator.authenticate(request.headers.authorization, source));
    }
    return true;
  }
}
