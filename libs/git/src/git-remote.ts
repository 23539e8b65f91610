// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import type { GitCommandOptions } from './git-command.js';
import type { GitCredentials } from './git-credentials.js';
import type { GitUrl } from './git-url.js';

const quoteForShell = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** Keys of SSH servers. */
export interface KnownHosts {
  readonly file: string;
  /**
   * Whether a server that is not in the file is added to it, or rejected. A server whose key has changed is always
   * rejected.
   */
  readonly addsUnknown: boolean;
}

/** Returns the configured file, which is complete, or the one next to the mirrors, which grows. */
export function knownHosts(given: string | undefined, root: string): KnownHosts {
  return given === undefined
    ? { file: path.join(root, 'known_hosts'), addsUnknown: true }
    : { file: given, addsUnknown: false };
}

/** The server that a command connects to. */
export interface GitRemote {
  readonly url: GitUrl;
  readonly credentials: GitCredentials;
  readonly knownHosts: KnownHosts;
  readonly signal: AbortSignal | undefined;
}

function sshCommand({ credentials, knownHosts: { file, addsUnknown } }: GitRemote): string {
  const key =
    credentials.sshKeyFile === undefined
      ? []
      : ['-i', quoteForShell(credentials.sshKeyFile), '-o', 'IdentitiesOnly=yes'];
  // ssh accepts several names, separated by spaces, and expands tokens that begin with %.
  const known = quoteForShell(`UserKnownHostsFile="${file.replaceAll('%', '%%')}"`);
  return [
    'ssh',
    '-F',
    '/dev/null',
    '-o',
    'BatchMode=yes',
    '-o',
    `StrictHostKeyChecking=${addsUnknown ? 'accept-new' : 'yes'}`,
    '-o',
    known,
    '-o',
    'ConnectTimeout=15',
    ...key,
  ].join(' ');
}

/**
 * Returns the options of a command that connects to a server: credentials are in the environment, never on the
 * command line, and masked in errors.
 */
export function remoteOptions(remote: GitRemote): GitCommandOptions {
  const { url, credentials, signal } = remote;
  const username = credentials.username ?? url.username;
  const password = credentials.password ?? url.password;
  const secrets = [credentials.username, credentials.password, url.username, url.password].filter(
    (secret): secret is string => secret !== undefined && secret.length > 2,
  );
  const common = signal === undefined ? {} : { signal };
  if (url.scheme === 'ssh') return { ...common, secrets, variables: { GIT_SSH_COMMAND: sshCommand(remote) } };
  if (username === undefined && password === undefined) return { ...common, secrets };
  const token = Buffer.from(`${username ?? ''}:${password ?? ''}`, 'utf8').toString('base64');
  // Bound to the origin: a redirect to another host must not receive it.
  const { origin } = new URL(url.url);
  return {
    ...common,
    secrets: [...secrets, token],
    config: [[`http.${origin}/.extraHeader`, `Authorization: Basic ${token}`]],
  };
}
