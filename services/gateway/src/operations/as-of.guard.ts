// SPDX-License-Identifier: Apache-2.0
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { acceptsAsOf, asOfIssues, PRESENT_ONLY } from '@plumbline/api-contract';
import { operationOf } from './operation.js';
import { refuseIssues } from './check-input.js';

/**
 * Rejects bitemporal parameters on operations that only know the present, also on those that take no input and would
 * ignore them.
 */
@Injectable()
export class AsOfGuard implements CanActivate {
  /** @throws InputError PLB-1701 */
  canActivate(context: ExecutionContext): boolean {
    const served = operationOf(context.getHandler());
    if (served !== undefined && !acceptsAsOf(served.query)) {
      refuseIssues(
        asOfIssues(
          context.switchToHttp().getRequest<FastifyRequest>().query,
          PRESENT_ONLY[served.id] ?? 'a change is made now',
        ),
      );
    }
    return true;
  }
}
