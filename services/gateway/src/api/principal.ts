// SPDX-License-Identifier: Apache-2.0
import { AuthError } from '@plumbline/core';
import type { Actor } from '@plumbline/events';
import type { Principal } from '../state/access-book.js';

const principals = new WeakMap<object, Principal>();

/** Nobody: what a public operation sees. */
const anonymous: Principal = { id: 'anonymous', name: 'anonymous', role: 'viewer', emails: [], expiresAt: undefined };

/** Notes who makes a request. */
export function setPrincipal(request: object, principal: Principal): void {
  principals.set(request, principal);
}

/** Who makes the request, or nobody. */
export function principalOf(request: object): Principal {
  return principals.get(request) ?? anonymous;
}

/** Who makes the request. @throws AuthError PLB-2001 when nobody was recognised: no identity is never an identity. */
export function requirePrincipal(request: object): Principal {
  const principal = principals.get(request);
  if (principal === undefined) throw signInNeeded();
  return principal;
}

/** What a request without a token is told. */
export function signInNeeded(): AuthError {
  return new AuthError('PLB-2001', 'sign in: send the header "Authorization: Bearer <token>"', 401);
}

/** The principal as the actor of events. */
export function actorOf(principal: Principal): Actor {
  return { kind: 'user', id: principal.id, name: principal.name };
}
