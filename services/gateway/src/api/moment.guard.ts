// SPDX-License-Identifier: Apache-2.0
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { momentIssues, PRESENT_ONLY } from '../reads/present-only.js';
import { refuseIssues } from './check-input.js';
import { operationOf, readsThePast } from './operation.js';

/** Refuses a moment of the past where there is none to read; also of operations that take no input and would never look at it. */
@Injectable()
export class MomentGuard implements CanActivate {
  /** @throws InputError PLB-1701 */
  canActivate(context: ExecutionContext): boolean {
    const served = operationOf(context.getHandler());
    if (served !== undefined && !readsThePast(served.query)) {
      refuseIssues(
        momentIssues(
          context.switchToHttp().getRequest<FastifyRequest>().query,
          PRESENT_ONLY[served.id] ?? 'a change is made now',
        ),
      );
    }
    return true;
  }
}
