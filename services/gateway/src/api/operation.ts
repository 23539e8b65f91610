// SPDX-License-Identifier: Apache-2.0
import type { ErrorCode } from '@plumbline/core';
import { z } from 'zod';
import type { Principal, Role } from '../state/access-book.js';

/** Metadata key of an {@link Operation} on a controller's method. */
export const OPERATION = 'plumbline:operation';

/** Who may call an operation; `public` needs no token. */
export type Access = Role | 'public';

/** One call of the REST API: what the router, the validation, the authorisation and the API document are made from. */
export interface Operation<
  Params extends z.ZodType,
  Query extends z.ZodType,
  Body extends z.ZodType,
  Result extends z.ZodType,
> {
  readonly id: string;
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** With `{name}` for parameters. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly access: Access;
  readonly status: 200 | 201 | 202;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly response: Result;
  /** `text/event-stream` for streams; JSON when absent. */
  readonly responseType?: string;
  /** Codes beyond those that every operation may answer with. */
  readonly errors: readonly ErrorCode[];
  readonly bodyExample?: unknown;
  readonly example: unknown;
}

/** Any operation. */
export type AnyOperation = Operation<z.ZodType, z.ZodType, z.ZodType, z.ZodType>;

const nothing = z.strictObject({});
/** Body of an operation that takes none. */
export const noBody = z.unknown();

type Partially<Op, Keys extends keyof Op> = Omit<Op, Keys> & Partial<Pick<Op, Keys>>;

const PAST_ERRORS: readonly ErrorCode[] = ['PLB-1705', 'PLB-5102', 'PLB-5105'];

/** True for the query of an operation that answers as of a moment. */
export function readsThePast(query: z.ZodType | undefined): boolean {
  return query instanceof z.ZodObject && 'asOf' in query.shape;
}

/** Declares an operation; parts that are left out take no input and answer 200. */
export function operation<
  Result extends z.ZodType,
  Params extends z.ZodType = typeof nothing,
  Query extends z.ZodType = typeof nothing,
  Body extends z.ZodType = typeof noBody,
>(
  given: Partially<Operation<Params, Query, Body, Result>, 'params' | 'query' | 'body' | 'status' | 'errors'>,
): Operation<Params, Query, Body, Result> {
  const errors = [...new Set([...(given.errors ?? []), ...(readsThePast(given.query) ? PAST_ERRORS : [])])].sort();
  return { params: nothing, query: nothing, body: noBody, status: 200, ...given, errors } as Operation<
    Params,
    Query,
    Body,
    Result
  >;
}

/** What a handler of an operation gets: everything checked, and who asks. */
export interface InputOf<Op extends AnyOperation> {
  readonly params: z.output<Op['params']>;
  readonly query: z.output<Op['query']>;
  readonly body: z.output<Op['body']>;
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
