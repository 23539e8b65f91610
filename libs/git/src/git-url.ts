// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { InputError } from '@plumbline/core';

/** A repository URL, split into what may be shown and what is secret. */
export interface GitUrl {
  /** The URL without user info (http, https), query and fragment. Safe in logs, errors and process lists. */
  readonly url: string;
  readonly scheme: 'http' | 'https' | 'ssh' | 'file';
  /** From the user info of an http(s) URL. Secret, because tokens are written there. */
  readonly username?: string;
  readonly password?: string;
}

const SCP = /^[\w][\w.-]*@[\w][\w.-]*:(?![/\\]{2})[^\s]+$/;

/**
 * Parses a repository URL.
 * @throws InputError PLB-1301 for anything but http, https, ssh, file and user@host:path.
 */
export function parseGitUrl(text: string): GitUrl {
  if (!text.includes('://') && SCP.test(text)) return { url: text, scheme: 'ssh' };
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new InputError(
      'PLB-1301',
      'the repository URL is invalid; use http(s)://, ssh://, file:// or user@host:path',
    );
  }
  const scheme = url.protocol.slice(0, -1);
  if (scheme !== 'http' && scheme !== 'https' && scheme !== 'ssh' && scheme !== 'file') {
    throw new InputError(
      'PLB-1301',
      `scheme "${scheme}" of the repository URL is not supported; use http(s)://, ssh://, file:// or user@host:path`,
    );
  }
  const { username, password } = url;
  // The user of an SSH URL is part of the address and not secret.
  if (scheme !== 'ssh') url.username = '';
  url.password = '';
  url.search = '';
  url.hash = '';
  const secrets =
    scheme === 'ssh'
      ? {}
      : {
          ...(username === '' ? {} : { username: decodeURIComponent(username) }),
          ...(password === '' ? {} : { password: decodeURIComponent(password) }),
        };
  return { url: url.href, scheme, ...secrets };
}

/** Returns the URL without secrets, for messages. */
export function maskUrl(text: string): string {
  try {
    return parseGitUrl(text).url;
  } catch {
    return '(an invalid URL)';
  }
}

/** Returns the name of the mirror directory of a URL. */
export function mirrorName(url: GitUrl): string {
  return `${createHash('sha256').update(url.url).digest('hex').slice(0, 32)}.git`;
}

/**
 * Removes user info and queries of URLs and the given secrets from output of Git, and truncates it to 1,500
 * characters.
 */
export function maskGitText(text: string, secrets: readonly string[] = []): string {
  let masked = text;
  for (const secret of secrets)
    if (secret.length > 0) masked = masked.replaceAll(secret, '•••').replaceAll(encodeURIComponent(secret), '•••');
  return masked
    .replaceAll(/([a-z][a-z0-9+.-]*:\/\/)[^\s/@'"]*@/gi, '$1')
    .replaceAll(/([a-z][a-z0-9+.-]*:\/\/[^\s?'"]*)\?[^\s'"]*/gi, '$1')
    .replaceAll(/(authorization:\s*)\S+(\s+\S+)?/gi, '$1•••')
    .slice(0, 1_500);
}
