// SPDX-License-Identifier: Apache-2.0
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { AuthError } from '@plumbline/core';
import { operationOf } from '../operations/operation.js';
import { type Principal, type Role, roleIncludes } from '../state/access-book.js';
import { requirePrincipal } from '../operations/principal.js';

/**
 * Rejects principals without the role that the operation requires, before anything is looked up: an answer reveals
 * nothing about what exists.
 */
@Injectable()
export class RoleGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const served = operationOf(context.getHandler());
    if (served === undefined || served.access === 'public') return true;
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
