// SPDX-License-Identifier: Apache-2.0
import { readFile, realpath } from 'node:fs/promises';
import path from 'node:path';
import { InputError } from '@plumbline/core';
import type { RepositorySpec } from '@plumbline/events';

/** References to credentials, as a Repository declares them. */
export type CredentialReferences = NonNullable<RepositorySpec['credentials']>;

/** Values for one fetch; live only as long as it. */
export interface GitCredentials {
  readonly username?: string;
  readonly password?: string;
  /** Path of a private key that ssh reads itself. */
  readonly sshKeyFile?: string;
}

/** Where references may point to. */
export interface CredentialPlaces {
  /** The variables that `usernameEnv` and `passwordEnv` name. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** When given, files outside of this directory are refused. */
  readonly directory?: string;
}

async function checkedPath(file: string, places: CredentialPlaces): Promise<string> {
  const refuse = (what: string, cause?: unknown): never => {
    throw new InputError('PLB-1302', `credentials file ${file} ${what}`, { cause });
  };
  if (!path.isAbsolute(file)) return refuse('must be an absolute path');
  const real = await realpath(file).catch((error: NodeJS.ErrnoException) =>
    refuse(`cannot be read (${error.code ?? 'error'}): mount it where the watcher runs`, error),
  );
  if (places.directory === undefined) return real;
  const root = await realpath(places.directory).catch((error: NodeJS.ErrnoException) =>
    refuse(`lies under ${String(places.directory)}, which cannot be read`, error),
  );
  return real.startsWith(root + path.sep)
    ? real
    : refuse(`is outside of ${places.directory}, where credentials may lie`);
}

async function fromFile(file: string, places: CredentialPlaces): Promise<string> {
  const real = await checkedPath(file, places);
  const text = await readFile(real, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new InputError('PLB-1302', `credentials file ${file} cannot be read (${error.code ?? 'error'})`);
  });
  return text.replace(/\r?\n$/, '');
}

function fromVariable(name: string, places: CredentialPlaces): string {
  const value = places.variables[name];
  if (value === undefined || value === '')
    throw new InputError(
      'PLB-1302',
      `the variable ${name} that the repository's credentials name is not set where the watcher runs`,
    );
  return value;
}

/** Reads what the references point to, anew at every call so that rotation needs no restart. @throws InputError PLB-1302, never with a value. */
export async function readCredentials(
  references: CredentialReferences | undefined,
  places: CredentialPlaces,
): Promise<GitCredentials> {
  if (references === undefined) return {};
  const { usernameFile, usernameEnv, passwordFile, passwordEnv, sshKeyFile } = references;
  const username =
    usernameFile !== undefined
      ? await fromFile(usernameFile, places)
      : usernameEnv !== undefined
        ? fromVariable(usernameEnv, places)
        : undefined;
  const password =
    passwordFile !== undefined
      ? await fromFile(passwordFile, places)
      : passwordEnv !== undefined
        ? fromVariable(passwordEnv, places)
        : undefined;
  const key = sshKeyFile === undefined ? undefined : await checkedPath(sshKeyFile, places);
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(key === undefined ? {} : { sshKeyFile: key }),
  };
}
