// SPDX-License-Identifier: Apache-2.0
import {
  applyDecorators,
  createParamDecorator,
  type ExecutionContext,
  HttpCode,
  RequestMapping,
  RequestMethod,
  SetMetadata,
  UseGuards,
} from '@nestjs/common';
import { type InputIssue, InvariantError } from '@plumbline/core';
import type { FastifyRequest } from 'fastify';
import { checkedPart, refuseIssues } from './check-input.js';
import { MomentGuard } from './moment.guard.js';
import { type AnyOperation, noBody, OPERATION, operationOf, routerPath } from './operation.js';
import { principalOf } from './principal.js';
import { RoleGuard } from './role.guard.js';

/** Serves an operation with the decorated method. */
export function Serve(served: AnyOperation): MethodDecorator {
  return applyDecorators(
    SetMetadata(OPERATION, served),
    RequestMapping({ path: routerPath(served.path), method: RequestMethod[served.method] }),
    HttpCode(served.status),
    UseGuards(RoleGuard, MomentGuard),
  );
}

/** Injects the checked {@link InputOf} of the operation. @throws InputError PLB-1701 with every mistake in path, query and body. */
export const Input = createParamDecorator((_: unknown, context: ExecutionContext) => {
  const served = operationOf(context.getHandler());
  if (served === undefined) throw new InvariantError('PLB-9702', 'a handler with @Input() has no @Serve()');
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  const issues: InputIssue[] = [];
  const checked = {
    params: checkedPart('path', served.params, request.params, issues),
    query: checkedPart('query', served.query, request.query, issues),
    body: checkedPart('', served.body, request.body ?? (served.body === noBody ? undefined : {}), issues),
    principal: principalOf(request),
  };
  refuseIssues(issues);
  return checked;
});
