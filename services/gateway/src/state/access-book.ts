// SPDX-License-Identifier: Apache-2.0
import { Digest } from '@plumbline/core';
import type { RecordedEvent } from '@plumbline/events';

/** Roles, least first: each may do all that the ones before it may. */
export const Role = ['viewer', 'operator', 'admin'] as const;
/** One of {@link Role}. */
export type Role = (typeof Role)[number];

/** Who makes a request. */
export interface Principal {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly emails: readonly string[];
  readonly expiresAt: string | undefined;
}

/** True when `held` includes `needed`. */
export function roleIncludes(held: Role, needed: Role): boolean {
  return Role.indexOf(held) >= Role.indexOf(needed);
}

/** Contents of an {@link AccessBook}. */
export interface AccessSnapshot {
  readonly principals: readonly (readonly [hash: string, Principal])[];
  readonly hashes: readonly (readonly [id: string, hash: string])[];
}

/** Tokens by their hashes: whose they are, and whether they are in force. */
export class AccessBook {
  readonly #byHash = new Map<string, Principal>();
  readonly #hashById = new Map<string, string>();

  apply(event: RecordedEvent): void {
    if (event.type === 'TokenIssued') {
      const { id, name, role, emails, expiresAt, hash } = event.data;
      this.#byHash.set(hash, { id, name, role, emails, expiresAt });
      this.#hashById.set(id, hash);
    } else if (event.type === 'TokenRevoked') {
      const hash = this.#hashById.get(event.data.id);
      if (hash !== undefined) this.#byHash.delete(hash);
    }
  }

  /** Returns the contents as JSON values. */
  snapshot(): AccessSnapshot {
    return { principals: [...this.#byHash], hashes: [...this.#hashById] };
  }

  /** Replaces the contents by those of {@link snapshot}. */
  restore({ principals, hashes }: AccessSnapshot): void {
    this.#byHash.clear();
    this.#hashById.clear();
    for (const [hash, principal] of principals) this.#byHash.set(hash, principal);
    for (const [id, hash] of hashes) this.#hashById.set(id, hash);
  }

  /** True when a token was ever issued, also if none is in force now. */
  get everIssued(): boolean {
    return this.#hashById.size > 0;
  }

  /** True while the token of somebody who signed in before is in force. */
  isInForce(principal: Principal, nowMs: number): boolean {
    const hash = this.#hashById.get(principal.id);
    return hash !== undefined && this.#byHash.has(hash) && !hasExpired(principal, nowMs);
  }

  /** Whose token this is; undefined for one that is unknown, revoked or expired, without telling which. */
  authenticate(token: string, nowMs: number): Principal | undefined {
    const principal = this.#byHash.get(Digest.of(token));
    return principal === undefined || hasExpired(principal, nowMs) ? undefined : principal;
  }
}

function hasExpired({ expiresAt }: Principal, nowMs: number): boolean {
  return expiresAt !== undefined && Date.parse(expiresAt) <= nowMs;
}
