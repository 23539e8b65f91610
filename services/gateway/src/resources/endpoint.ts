// SPDX-License-Identifier: Apache-2.0
import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { messageOf } from '@plumbline/core';
import { cloudEvent, durationMs, type RecordedEvent, type SubscriptionSpec } from '@plumbline/events';

/** How one attempt ended. */
export type Attempt =
  { readonly type: 'taken' } | { readonly type: 'failed'; readonly message: string; readonly retryAfterMs?: number };

/**
 * True when events may be sent to the URL. A host is allowed by its name, `*.NAME` allows what is below it; `http://`
 * before it allows plain
 * text, and `:PORT` behind it another port than that of the scheme. So nobody makes the gateway call what is not
 * meant for it.
 */
export function mayDeliverTo(url: string, allowed: readonly string[]): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname, port, username, password, hash } = new URL(url);
  if (username !== '' || password !== '' || hash !== '') return false;
  return allowed.some((text) => {
    const rule = /^(?:(https?):\/\/)?(\*\.)?([^/*:]+|\[[0-9a-f:]+\])(?::(\d+))?$/i.exec(text.trim());
    if (rule === null) return false;
    const [, scheme = 'https', below, name = '', rulePort = ''] = rule;
    const host = name.toLowerCase();
    return (
      `${scheme.toLowerCase()}:` === protocol &&
      port === rulePort &&
      (below === undefined ? hostname === host : hostname.endsWith(`.${host}`))
    );
  });
}

/** Signs id, time and body together, so that neither can be replayed with another. */
export function signature(
  secret: string,
  signed: { readonly id: string; readonly timestamp: number; readonly body: string },
): string {
  return `v1,${createHmac('sha256', secret).update(`${signed.id}.${signed.timestamp}.${signed.body}`).digest('base64')}`;
}

/** How an attempt is made. */
export interface AttemptOptions {
  readonly nowMs: number;
  readonly allowed: readonly string[];
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** One attempt to deliver an event; never throws. Redirects are failures: they could lead anywhere. */
export async function attempt(spec: SubscriptionSpec, event: RecordedEvent, how: AttemptOptions): Promise<Attempt> {
  if (!mayDeliverTo(spec.url, how.allowed))
    return {
      type: 'failed',
      message: 'the host of the endpoint is not one that PLUMBLINE_GATEWAY_SUBSCRIPTION_HOSTS names',
    };
  const secret = await secretOf(spec, how.variables);
  if (secret.value === undefined) return { type: 'failed', message: secret.message };
  try {
    const body = cloudEvent(event);
    const timestamp = Math.floor(how.nowMs / 1_000);
    const response = await fetch(spec.url, {
      method: 'POST',
      redirect: 'manual',
      body,
      signal: AbortSignal.any([how.signal, AbortSignal.timeout(durationMs(spec.timeout))]),
      headers: {
        'content-type': 'application/cloudevents+json; charset=utf-8',
        'user-agent': 'plumbline',
        'webhook-id': event.id,
        'webhook-timestamp': String(timestamp),
        'webhook-signature': signature(secret.value, { id: event.id, timestamp, body }),
      },
    });
    // What it says is not wanted, however long it is.
    await response.body?.cancel();
    if (response.status >= 200 && response.status < 300) return { type: 'taken' };
    const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
    return {
      type: 'failed',
      message: `the endpoint answered HTTP ${response.status}`,
      ...(Number.isFinite(seconds) && seconds > 0 ? { retryAfterMs: seconds * 1_000 } : {}),
    };
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
    return { type: 'failed', message: `the endpoint could not be reached: ${cause}` };
  }
}

type Secret = { readonly value: string } | { readonly value: undefined; readonly message: string };

/** Read anew for every attempt, so that a new secret needs no restart. */
async function secretOf(
  { secretFile, secretEnv = '' }: SubscriptionSpec,
  variables: AttemptOptions['variables'],
): Promise<Secret> {
  const place = secretFile ?? `the variable ${secretEnv}`;
  try {
    const value =
      secretFile === undefined
        ? (variables[secretEnv] ?? '')
        : (await readFile(secretFile, 'utf8')).replace(/\r?\n$/, '');
    return value.length < 16
      ? { value: undefined, message: `the secret in ${place} is shorter than 16 characters` }
      : { value };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'error';
    return {
      value: undefined,
      message: `the secret in ${place} cannot be read (${code}): mount it where the gateway runs`,
    };
  }
}
