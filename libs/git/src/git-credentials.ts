// SPDX-License-Identifier: Apache-2.0
import { readFile, realpath } from 'node:fs/promises';
import path from 'node:path';
import { InputError } from '@plumbline/core';
import type { RepositorySpec } from '@plumbline/events';

/** References to credentials, as a Repository declares them. */
export type CredentialReferences = NonNullable<RepositorySpec['credentials']>;

/** Credentials of one fetch. */
export interface GitCredentials {
  readonly username?: string;
  readonly password?: string;
  /** Path of a private key that ssh reads itself. */
  readonly sshKeyFile?: string;
}

/** Sources of credentials. */
export interface CredentialPlaces {
  /** The variables that `usernameEnv` and `passwordEnv` name. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Files outside of this directory are rejected. Default: no restriction. */
  readonly directory?: string;
}

async function checkedPath(file: string, places: CredentialPlaces): Promise<string> {
  const refuse = (what: string, cause?: unknown): never => {
    throw new InputError('PLB-1302', `credentials file ${file} ${what}`, { cause });
  };
  if (!path.isAbsolute(file)) return refuse('must be an absolute path');
  const real = await realpath(file).catch((error: NodeJS.ErrnoException) =>
    refuse(`cannot be read (${error.code ?? 'error'}); mount it in the watcher and the renderer`, error),
  );
  if (places.directory === undefined) return real;
  const root = await realpath(places.directory).catch((error: NodeJS.ErrnoException) =>
    refuse(`is in ${String(places.directory)}, which cannot be read`, error),
  );
  return real.startsWith(root + path.sep)
    ? real
    : refuse(`is outside of ${places.directory}; move it into that directory`);
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
      `the variable ${name} of the credentials of the Repository is not set; set it in the watcher and the renderer`,
    );
  return value;
}

/**
 * Reads the referenced credentials at every call, so that rotation needs no restart. @throws InputError PLB-1302; the
 * message never contains a value.
 */
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
