// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import type { GitCommandOptions } from './git-command.js';
import type { GitCredentials } from './git-credentials.js';
import type { GitUrl } from './git-url.js';

const quoteForShell = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** Keys of SSH servers. */
export interface KnownHosts {
  readonly file: string;
  /** Whether a server that is not in the file is remembered there at first sight, or refused. One whose key has changed is always refused. */
  readonly remember: boolean;
}

/** The file that somebody has given is complete; ours, beside the mirrors, grows. */
export function knownHosts(given: string | undefined, root: string): KnownHosts {
  return given === undefined
    ? { file: path.join(root, 'known_hosts'), remember: true }
    : { file: given, remember: false };
}

/** The server that a command talks to. */
export interface GitRemote {
  readonly url: GitUrl;
  readonly credentials: GitCredentials;
  readonly knownHosts: KnownHosts;
  readonly signal: AbortSignal | undefined;
}

function sshCommand({ credentials, knownHosts: { file, remember } }: GitRemote): string {
  const key =
    credentials.sshKeyFile === undefined
      ? []
      : ['-i', quoteForShell(credentials.sshKeyFile), '-o', 'IdentitiesOnly=yes'];
  // ssh takes several names, parted by spaces, and knows tokens that begin with %.
  const known = quoteForShell(`UserKnownHostsFile="${file.replaceAll('%', '%%')}"`);
  return [
    'ssh',
    '-F',
    '/dev/null',
    '-o',
    'BatchMode=yes',
    '-o',
    `StrictHostKeyChecking=${remember ? 'accept-new' : 'yes'}`,
    '-o',
    known,
    '-o',
    'ConnectTimeout=15',
    ...key,
  ].join(' ');
}

/** Options of a command that talks to a server: credentials by environment, never on the command line, masked in errors. */
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
  // Bound to the origin: a redirect to another host must not carry it along.
  const { origin } = new URL(url.url);
  return {
    ...common,
    secrets: [...secrets, token],
    config: [[`http.${origin}/.extraHeader`, `Authorization: Basic ${token}`]],
  };
}
