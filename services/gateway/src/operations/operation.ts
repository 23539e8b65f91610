// SPDX-License-Identifier: Apache-2.0
import type { AnyOperation, InputOf as OperationInput } from '@plumbline/api-contract';
import type { Principal } from '../state/access-book.js';

/** Metadata key of the operation that a controller's method serves. */
export const OPERATION = 'plumbline:operation';

/** Input of a handler: the validated parts of the request, and the principal of its token. */
export interface InputOf<Op extends AnyOperation> extends OperationInput<Op> {
  readonly principal: Principal;
}

/** The path as the router writes it: `:name` for a parameter, `::` for a colon. */
export function routerPath(path: string): string {
  return path.replaceAll(':', '::').replaceAll(/\{(\w+)\}/g, ':$1');
}

/** The operation that a method serves. */
export function operationOf(handler: object): AnyOperation | undefined {
  return Reflect.getMetadata(OPERATION, handler) as AnyOperation | undefined;
}
