// SPDX-License-Identifier: Apache-2.0
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Metadata } from '@grpc/grpc-js';
import { AuthError } from '@plumbline/core';

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** Refuses calls without the service token. Digests are compared, so neither the content nor the length shows in the time. */
export class BearerCheck {
  readonly #wanted: Buffer;

  constructor(token: string) {
    this.#wanted = digestOf(`Bearer ${token}`);
  }

  /** @throws AuthError PLB-2102 */
  check(metadata: Metadata): void {
    const [value] = metadata.get('authorization');
    const given = digestOf(typeof value === 'string' ? value : '');
    if (!timingSafeEqual(given, this.#wanted)) {
      throw new AuthError(
        'PLB-2102',
        'the log takes calls only with the service token: give every service the same PLUMBLINE_LOG_TOKEN_FILE',
        401,
      );
    }
  }
}
