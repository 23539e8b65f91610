// SPDX-License-Identifier: Apache-2.0
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { WebhookProvider } from '@plumbline/api-contract';

/** Headers of a request, by lower-case name. */
export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * Finds which of the secrets signed the body; looks at bytes only, compares in constant time, and tries all secrets
 * however the first ones fare.
 */
export function signedBy(
  provider: WebhookProvider,
  headers: Headers,
  body: Buffer,
  secrets: readonly string[],
): readonly string[] {
  return secrets.filter((secret) => secret !== '' && isSigned(provider, headers, body, secret));
}

function isSigned(provider: WebhookProvider, headers: Headers, body: Buffer, secret: string): boolean {
  // GitLab sends the secret itself; the others an HMAC over the body.
  if (provider === 'gitlab') return equal(headerText(headers, 'x-gitlab-token'), secret);
  const given = headerText(headers, provider === 'gitea' ? 'x-gitea-signature' : 'x-hub-signature-256');
  const mac = createHmac('sha256', secret).update(body).digest('hex');
  return equal(given, provider === 'gitea' ? mac : `sha256=${mac}`);
}

/** Equal texts, in a time that tells neither content nor length. */
function equal(given: string, wanted: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}

/** A header that was sent once; empty otherwise. */
export function headerText(headers: Headers, name: string): string {
  const value = headers[name];
  return typeof value === 'string' ? value : '';
}
