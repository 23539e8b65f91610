// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import { AuthError, OverloadedError } from '@plumbline/core';
import { signInNeeded } from '../operations/principal.js';
import type { Principal } from '../state/access-book.js';
import { LOG_ACCESS, type LogAccess } from '../state/log-access.js';
import { RateLimit } from './rate-limit.js';

const FAILURES_PER_MINUTE = 30;

/**
 * Recognises who presents a bearer token, over REST and gRPC alike. Asked anew for each request: a revoked token
 * stops at once.
 */
@Injectable()
export class Authenticator {
  readonly #access: LogAccess;

  // Guessing 256 bits is hopeless; the limit keeps a broken client or a scanner from costing more than this.
  readonly #failures = new RateLimit({ perMinute: FAILURES_PER_MINUTE });

  constructor(@Inject(LOG_ACCESS) access: LogAccess) {
    this.#access = access;
  }

  /**
   * @param authorization the header as it came; @param source where the caller is.
   * @throws AuthError PLB-2001 without a token, PLB-2002 for one that does not count; OverloadedError PLB-5701 after
   * too many of these from one source.
   */
  authenticate(authorization: string | undefined, source: string): Principal {
    this.#access.assertReady();
    const nowMs = this.#access.clock.nowMs();
    const token = /^Bearer ([A-Za-z0-9_-]{1,200})$/i.exec(authorization ?? '')?.[1];
    if (authorization === undefined) throw signInNeeded();
    const principal = token === undefined ? undefined : this.#access.state.access.authenticate(token, nowMs);
    if (principal !== undefined) return principal;
    const waitMs = this.#failures.take(source, nowMs);
    if (waitMs > 0)
      throw new OverloadedError(
        'PLB-5701',
        'too many attempts to sign in from your address: wait, then try again',
        waitMs,
      );
    throw new AuthError('PLB-2002', 'the token is not valid: it is unknown, has expired or was revoked', 401);
  }
}
