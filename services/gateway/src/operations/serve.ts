// SPDX-License-Identifier: Apache-2.0
import {
  applyDecorators,
  createParamDecorator,
  type ExecutionContext,
  HttpCode,
  RequestMapping,
  RequestMethod,
  SetMetadata,
} from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { AnyOperation, ResultOf } from '@plumbline/api-contract';
import { InvariantError } from '@plumbline/core';
import { OPERATION, operationOf, routerPath } from './operation.js';
import { InputPipe, type RawInput } from './input.pipe.js';
import { principalOf } from './principal.js';

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
  ) as ReturnType<typeof Serve<Op>>;
}

const RequestInput = createParamDecorator((_: unknown, context: ExecutionContext): RawInput => {
  const served = operationOf(context.getHandler());
  if (served === undefined) throw new InvariantError('PLB-9702', 'a handler with @Input() has no @Serve()');
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  const { params, query, body } = request;
  return { served, params, query, body, principal: principalOf(request) };
});

/**
 * Injects the validated {@link InputOf} of the operation. @throws InputError PLB-1701 with every mistake in path,
 * query and body.
 */
export function Input(): ParameterDecorator {
  return RequestInput(InputPipe);
}
