// SPDX-License-Identifier: Apache-2.0
import { clusterErrors } from './error-catalogue/clusters.js';
import { eventLogErrors } from './error-catalogue/event-log.js';
import { gatewayErrors } from './error-catalogue/gateway.js';
import { platformErrors } from './error-catalogue/platform.js';
import { renderingErrors } from './error-catalogue/rendering.js';
import { transparencyErrors } from './error-catalogue/transparency.js';
import type { ErrorDefinition, ErrorKind } from './error-definition.js';

const definitions = [
  ...platformErrors,
  ...eventLogErrors,
  ...transparencyErrors,
  ...renderingErrors,
  ...clusterErrors,
  ...gatewayErrors,
] as const;

type Definition = (typeof definitions)[number];

/** Every error code. A new one is defined in `error-catalogue/<area>.ts`. */
export type ErrorCode = Definition['code'];

/** The codes of one kind: what the constructor of its class takes. */
export type ErrorCodeOf<Kind extends ErrorKind> = Extract<Definition, { readonly kind: Kind }>['code'];

/** The definition of every code, ordered by code. */
export const errorCatalogue: readonly ErrorDefinition<ErrorCode>[] = definitions.toSorted((a, b) =>
  a.code < b.code ? -1 : 1,
);

const byCode: ReadonlyMap<string, ErrorDefinition<ErrorCode>> = new Map(
  errorCatalogue.map((definition) => [definition.code, definition]),
);

/** Returns the definition of a code; `undefined` for text that is not a code of this version. */
export function errorDefinition(code: string): ErrorDefinition<ErrorCode> | undefined {
  return byCode.get(code);
}

/** HTTP status of errors by kind, where the definition of a code gives no other. */
export const HTTP_STATUS_OF_KIND: { readonly [Kind in ErrorKind]: number } = {
  input: 400,
  auth: 401,
  'not-found': 404,
  conflict: 409,
  overloaded: 503,
  upstream: 502,
  internal: 500,
};

/**
 * Returns the HTTP status that the gateway answers with for a code; 500 for text that is not a code of this version.
 */
export function httpStatusOf(code: string): number {
  const definition = errorDefinition(code);
  return definition === undefined ? 500 : (definition.status ?? HTTP_STATUS_OF_KIND[definition.kind]);
}

/**
 * Returns a code that another process reported as it is. It may be one of a newer version, which the types of this
 * version do not know:
 * use it to rebuild an error, never to write a code that the catalogue lacks.
 */
export function receivedErrorCode<Kind extends ErrorKind = ErrorKind>(code: string): ErrorCodeOf<Kind> {
  return code as ErrorCodeOf<Kind>;
}
