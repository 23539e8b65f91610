// SPDX-License-Identifier: Apache-2.0
import type { ErrorCode } from '@plumbline/core';
import { z } from 'zod';
import { acceptsAsOf } from './as-of.js';
import type { Role } from './documents/token.js';
import type { Immutable } from './immutable.js';

/** Role that an operation requires; `public` requires no token. */
export type Access = Role | 'public';

/**
 * One operation of the public API. Routing, validation, authorisation, the typed client and the OpenAPI document are
 * derived from it.
 */
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

const AS_OF_ERRORS: readonly ErrorCode[] = ['PLB-1705', 'PLB-5102', 'PLB-5105'];

/** Declares an operation. Parts that are left out accept no input; the status defaults to 200. */
export function operation<
  Result extends z.ZodType,
  Params extends z.ZodType = typeof nothing,
  Query extends z.ZodType = typeof nothing,
  Body extends z.ZodType = typeof noBody,
>(
  given: Partially<Operation<Params, Query, Body, Result>, 'params' | 'query' | 'body' | 'status' | 'errors'>,
): Operation<Params, Query, Body, Result> {
  const errors = [...new Set([...(given.errors ?? []), ...(acceptsAsOf(given.query) ? AS_OF_ERRORS : [])])].sort();
  return { params: nothing, query: nothing, body: noBody, status: 200, ...given, errors } as Operation<
    Params,
    Query,
    Body,
    Result
  >;
}

/** Validated input of an operation, as a handler receives it. */
export interface InputOf<Op extends AnyOperation> {
  readonly params: z.output<Op['params']>;
  readonly query: z.output<Op['query']>;
  readonly body: z.output<Op['body']>;
}

/** Path parameters of an operation, as a caller writes them. */
export type ParamsOf<Op extends AnyOperation> = Immutable<z.input<Op['params']>>;
/** Query of an operation, as a caller writes it: parameters with a default are optional. */
export type QueryOf<Op extends AnyOperation> = Immutable<z.input<Op['query']>>;
/** Body of an operation, as a caller writes it: fields with a default are optional. */
export type BodyOf<Op extends AnyOperation> = Immutable<z.input<Op['body']>>;
/** Result of an operation. */
export type ResultOf<Op extends AnyOperation> = Immutable<z.output<Op['response']>>;
