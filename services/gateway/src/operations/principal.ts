// SPDX-License-Identifier: Apache-2.0
import { AuthError } from '@plumbline/core';
import type { Actor } from '@plumbline/events';
import type { Principal } from '../state/access-book.js';

const principals = new WeakMap<object, Principal>();

/** Principal of requests to public operations. */
const anonymous: Principal = { id: 'anonymous', name: 'anonymous', role: 'viewer', emails: [], expiresAt: undefined };

/** Records the principal of a request. */
export function setPrincipal(request: object, principal: Principal): void {
  principals.set(request, principal);
}

/** True when the principal of the request is known. */
export function hasPrincipal(request: object): boolean {
  return principals.has(request);
}

/** The principal of the request; an anonymous one with no rights of its own when there is none. */
export function principalOf(request: object): Principal {
  return principals.get(request) ?? anonymous;
}

/** The principal of the request. @throws AuthError PLB-2001 when the request was not authenticated. */
export function requirePrincipal(request: object): Principal {
  const principal = principals.get(request);
  if (principal === undefined) throw signInNeeded();
  return principal;
}

/** The error for a request without a token. */
export function signInNeeded(): AuthError {
  return new AuthError('PLB-2001', 'sign in: send the header "Authorization: Bearer <token>"', 401);
}

/** The principal as the actor of events. */
export function actorOf(principal: Principal): Actor {
  return { kind: 'user', id: principal.id, name: principal.name };
}
