// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { InputError } from '@plumbline/core';

/** A user of the system, by number. */
export interface ServerAccount {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * The account that PostgreSQL runs under when we are root, which it refuses; undefined when we are somebody else and
 * it runs as we do.
 * @throws InputError PLB-1920 when there is no such account.
 */
export function serverAccount(): ServerAccount | undefined {
  if (userInfo().uid !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of ['postgres', 'nobody']) {
    const fields = users.find(([user]) => user === name);
    const [uid, gid] = [Number(fields?.[2]), Number(fields?.[3])];
    if (Number.isInteger(uid) && Number.isInteger(gid) && uid > 0) return { name, uid, gid };
  }
  throw new InputError(
    'PLB-1920',
    'PostgreSQL cannot run as root, and this system has neither a user "postgres" nor "nobody": run as another user, or create the user postgres',
  );
}
