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
import type { FastifyRequest } from 'fastify';
import { type AnyOperation, noBody, type ResultOf } from '@plumbline/api-contract';
import { type InputIssue, InvariantError } from '@plumbline/core';
import { checkedPart, refuseIssues } from './check-input.js';
import { MomentGuard } from './moment.guard.js';
import { OPERATION, operationOf, routerPath } from './operation.js';
import { principalOf } from './principal.js';
import { RoleGuard } from './role.guard.js';

/** A method that returns the result of an operation; streams, whose result is text, write their response themselves. */
type Handler<Op extends AnyOperation> = (
  ...input: never[]
) => ResultOf<Op> | Promise<ResultOf<Op>> | (ResultOf<Op> extends string ? Promise<void> : never);

/** Serves an operation with the decorated method, whose result must be that of the operation. */
export function Serve<Op extends AnyOperation>(
  served: Op,
): <Method extends Handler<Op>>(
  target: object,
  key: string | symbol,
  descriptor: TypedPropertyDescriptor<Method>,
) => void {
  return applyDecorators(
    SetMetadata(OPERATION, served),
    RequestMapping({ path: routerPath(served.path), method: RequestMethod[served.method] }),
    HttpCode(served.status),
    UseGuards(RoleGuard, MomentGuard),
  ) as ReturnType<typeof Serve<Op>>;
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
