// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { dataDirectory } from '@plumbline/core';

/** Names and values of the environment. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Which server to talk to, and as whom. */
export interface Profile {
  readonly server: string;
  readonly token?: string;
}

const DEFAULT_SERVER = 'http://127.0.0.1:8080';

/** The environment of this process. */
export const processEnvironment: Environment = process.env;

/** Where `plumb login` keeps the profile. */
export function profilePath(environment: Environment): string {
  return (
    environment['PLUMBLINE_PROFILE'] ??
    join(environment['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'), 'plumbline', 'profile.json')
  );
}

/** Sets variables in the environment of this process, for a program that is loaded into it. */
export function setEnvironment(settings: Readonly<Record<string, string>>): void {
  Object.assign(process.env, settings);
}

/** Returns the directory that `plumb up` keeps its data in when it gets no --data-dir. */
export function defaultDataDir(environment: Environment): string {
  return dataDirectory(environment, homedir());
}

/** Flags, then the environment, then the profile file, then a server on this machine with its first admin token. */
export function resolveProfile(environment: Environment, flags: Partial<Profile>): Profile {
  const stored = readProfile(profilePath(environment));
  const server = flags.server ?? environment['PLUMBLINE_SERVER'] ?? stored?.server ?? DEFAULT_SERVER;
  const storedToken = stored?.server === server ? stored.token : undefined;
  const token = flags.token ?? environment['PLUMBLINE_TOKEN'] ?? storedToken ?? localToken(environment, server);
  return token === undefined ? { server } : { server, token };
}

/** Writes the profile, readable by its owner only. */
export function writeProfile(environment: Environment, profile: Profile): string {
  const path = profilePath(environment);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, `${JSON.stringify(profile, undefined, 2)}\n`, { mode: 0o600 });
  return path;
}

function readProfile(path: string): Profile | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof value !== 'object' || value === null || !('server' in value) || typeof value.server !== 'string')
      return undefined;
    return 'token' in value && typeof value.token === 'string'
      ? { server: value.server, token: value.token }
      : { server: value.server };
  } catch {
    return undefined;
  }
}

function localToken(environment: Environment, server: string): string | undefined {
  if (!/^http:\/\/(127\.0\.0\.1|localhost|\[::1\])(:|\/|$)/.test(server)) return undefined;
  try {
    return readFileSync(join(defaultDataDir(environment), 'admin.token'), 'utf8').trim();
  } catch {
    return undefined;
  }
}
