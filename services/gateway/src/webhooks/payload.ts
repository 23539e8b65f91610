// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import type { WebhookProvider } from '@plumbline/api-contract';
import { InputError } from '@plumbline/core';
import { type Headers, headerText } from './signatures.js';

const url = z.string().min(1).max(2000);
const ref = z.string().max(300).optional();
const links = {
  clone_url: url.optional(),
  ssh_url: url.optional(),
  html_url: url.optional(),
  git_url: url.optional(),
  git_http_url: url.optional(),
  git_ssh_url: url.optional(),
  url: url.optional(),
};

/** As little as is needed of what the providers send; everything else is not even looked at. */
const schemas = {
  github: z.object({ repository: z.object(links), ref }),
  gitea: z.object({ repository: z.object(links), ref }),
  gitlab: z.object({ project: z.object(links).optional(), repository: z.object(links).optional(), ref }),
  generic: z.object({ repository: url, ref }),
} as const;

/** What a webhook hints at. */
export interface Hint {
  readonly urls: readonly string[];
  readonly ref: string | undefined;
  /** Id that the provider gave the delivery; a repeat carries the same. */
  readonly delivery: string | undefined;
}

/**
 * Reads the body of a webhook whose signature is right. @throws InputError PLB-1708 when it is not one of the
 * provider's.
 */
export function parseHint(provider: WebhookProvider, headers: Headers, body: Buffer): Hint {
  const parsed = schemas[provider].safeParse(jsonOf(body));
  if (!parsed.success)
    throw new InputError(
      'PLB-1708',
      `the body is not a ${provider} webhook of a repository: ${parsed.error.issues[0]?.path.join('.') ?? ''} is wrong`,
    );
  const { data } = parsed;
  const urls =
    typeof data.repository === 'string'
      ? [data.repository]
      : [data.repository, 'project' in data ? data.project : undefined].flatMap((part) => Object.values(part ?? {}));
  return {
    urls: urls.filter((text) => typeof text === 'string'),
    ref: data.ref,
    delivery: deliveryOf(provider, headers),
  };
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new InputError('PLB-1708', 'the body is not JSON: set the content type of the webhook to application/json');
  }
}

const DELIVERY: Readonly<Record<WebhookProvider, readonly string[]>> = {
  github: ['x-github-delivery'],
  gitea: ['x-gitea-delivery'],
  gitlab: ['idempotency-key', 'x-gitlab-event-uuid'],
  generic: ['x-plumbline-delivery'],
};

function deliveryOf(provider: WebhookProvider, headers: Headers): string | undefined {
  for (const name of DELIVERY[provider]) {
    const text = headerText(headers, name);
    if (/^[\w.:-]{1,200}$/.test(text)) return text;
  }
  return undefined;
}

/**
 * One form for all ways to write a repository's URL: `host/path` without scheme, user, port of the scheme, `.git` and
 * capital letters in the host.
 */
export function normalizedUrl(text: string): string | undefined {
  const scp = /^[\w.-]+@([\w.-]+):(?!\/\/)(.+)$/.exec(text);
  const written = scp === null ? text : `ssh://${scp[1]}/${scp[2]}`;
  if (!URL.canParse(written)) return undefined;
  const { protocol, hostname, port, pathname } = new URL(written);
  // Of http and ssh ports only unusual ones tell repositories apart, and not between the two ways in.
  const shownPort = /^https?:$/.test(protocol) && port !== '' ? `:${port}` : '';
  const path = decodedPath(pathname)
    .replace(/\/+$/, '')
    .replace(/\.git$/, '')
    .replace(/^\/+/, '');
  if (protocol === 'file:') return `file:/${path}`;
  return path === '' ? undefined : `${hostname.toLowerCase()}${shownPort}/${path}`;
}

function decodedPath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
