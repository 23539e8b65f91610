// SPDX-License-Identifier: Apache-2.0
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { AuthError, InvariantError } from '@plumbline/core';
import { operationOf } from './operation.js';
import { type Principal, type Role, roleIncludes } from '../state/access-book.js';
import { requirePrincipal } from './principal.js';

/** Lets through who has the role that the operation asks for; before anything is looked up, so that a refusal tells nothing about what exists. */
@Injectable()
export class RoleGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const served = operationOf(context.getHandler());
    if (served === undefined) throw new InvariantError('PLB-9702', 'a handler without an operation was called');
    if (served.access === 'public') return true;
    requireRole(requirePrincipal(context.switchToHttp().getRequest<FastifyRequest>()), served.access);
    return true;
  }
}

/** @throws AuthError PLB-2120 when the role of the principal is not enough. */
export function requireRole(principal: Principal, needed: Role): void {
  if (roleIncludes(principal.role, needed)) return;
  throw new AuthError(
    'PLB-2120',
    `this needs the role ${needed}; your token "${principal.name}" has ${principal.role}`,
    403,
    { details: { needed, role: principal.role } },
  );
}
