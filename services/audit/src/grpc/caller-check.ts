// SPDX-License-Identifier: Apache-2.0
import type { Metadata } from '@grpc/grpc-js';
import { AuthError, type Clock } from '@plumbline/core';
import type { AppendRequest } from '@plumbline/event-log';
import { appendFromWire } from '@plumbline/event-log/client';
import type { ServiceCredentialVerifier, ServiceIdentity } from '@plumbline/events';

/** Methods that every service may call; all others are the gateway's: it alone answers people. */
const COMMON_METHODS: ReadonlySet<string> = new Set([
  '/plumbline.internal.v1.Log/Append',
  '/plumbline.internal.v1.Log/AppendMany',
  '/plumbline.internal.v1.Log/Head',
  '/plumbline.internal.v1.Log/Read',
  '/plumbline.internal.v1.Log/ReadStream',
]);

/** What a {@link CallerCheck} needs. */
export interface CallerCheckOptions {
  readonly verifier: ServiceCredentialVerifier;
  readonly clock: Pick<Clock, 'nowMs'>;
}

/** Derives the calling service from its credential, and checks that the service may call the method. */
export class CallerCheck {
  readonly #options: CallerCheckOptions;

  constructor(options: CallerCheckOptions) {
    this.#options = options;
  }

  /**
   * Returns the identity of the caller.
   * @throws AuthError PLB-2102 without a valid credential; PLB-2104 when the service may not call the method.
   */
  check(metadata: Metadata, path: string): ServiceIdentity {
    const [value] = metadata.get('authorization');
    const [, credential = ''] = /^Bearer (\S+)$/.exec(typeof value === 'string' ? value : '') ?? [];
    const caller = this.#options.verifier.verify(credential, this.#options.clock.nowMs());
    if (caller.service !== 'gateway' && !COMMON_METHODS.has(path))
      throw new AuthError('PLB-2104', `service "${caller.service}" may not call ${path}: only the gateway may`, 403, {
        details: { service: caller.service, method: path },
      });
    return caller;
  }
}

/**
 * Returns the append that the caller requests, under the service of its credential.
 * @throws AuthError PLB-2104 when the request names another service; InputError PLB-1156 when it cannot be read.
 */
export function appendOf(
  caller: Pick<ServiceIdentity, 'service'>,
  request: Parameters<typeof appendFromWire>[0],
): AppendRequest {
  const { service } = caller;
  if (request.service !== '' && request.service !== service)
    throw new AuthError('PLB-2104', `service "${service}" may not append as service "${request.service}"`, 403, {
      details: { service, named: request.service },
    });
  return appendFromWire({ ...request, service });
}
