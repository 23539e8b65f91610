// SPDX-License-Identifier: Apache-2.0
import type { AnyOperation, BodyOf, Immutable, ParamsOf, QueryOf, ResultOf } from '@plumbline/api-contract';
import type { Http, QueryValue } from './http.js';

/** Time that the server waits for outcomes unless the body says otherwise. */
const DEFAULT_WAIT_MS = 30_000;

/** Input of a call. */
export interface CallInput<Op extends AnyOperation> {
  readonly params?: ParamsOf<Op>;
  readonly query?: Optional<QueryOf<Op>>;
  readonly body?: BodyOf<Op>;
}

/** The same fields, each of which may also be `undefined`. */
type Optional<Fields> = { readonly [Key in keyof Fields]: Fields[Key] | undefined };

/**
 * Calls an operation. A call whose body has `timeoutMs` gets that much more time. @throws ApiError, UpstreamError
 * PLB-6701
 */
export function call<Op extends AnyOperation>(
  http: Http,
  operation: Op,
  { params, query, body }: CallInput<Op> = {},
): Promise<ResultOf<Op>> {
  return http.json<ResultOf<Op>>({
    method: operation.method,
    path: pathOf(operation, params ?? {}),
    query: (query ?? {}) as Readonly<Record<string, QueryValue>>,
    ...(operation.method === 'POST' ? { body: body ?? {} } : {}),
    ...(waits(operation) ? { serverWaitMs: (body as Waiting | undefined)?.timeoutMs ?? DEFAULT_WAIT_MS } : {}),
  });
}

type Waiting = Immutable<{ timeoutMs?: number | undefined }>;

/** True for operations whose body says how long the server may wait for an outcome. */
function waits({ body }: AnyOperation): boolean {
  return 'shape' in body && typeof body.shape === 'object' && body.shape !== null && 'timeoutMs' in body.shape;
}

/** The path with its parameters filled in. */
export function pathOf({ path }: AnyOperation, params: object): string {
  const values = new Map<string, unknown>(Object.entries(params));
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(values.get(name))));
}
