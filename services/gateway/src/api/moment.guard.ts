// SPDX-License-Identifier: Apache-2.0
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { acceptsAsOf, asOfIssues, PRESENT_ONLY } from '@plumbline/api-contract';
import { operationOf } from './operation.js';
import { refuseIssues } from './check-input.js';

/** Refuses a moment of the past where there is none to read; also of operations that take no input and would never look at it. */
@Injectable()
export class MomentGuard implements CanActivate {
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
