// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateReleaseKeys, generateSealKey } from '@plumbline/manifest';
import { generateSigningKeyPem } from '@plumbline/merkle';
import type { CommandContext } from '../context.js';
import { CommandError, ExitCode } from '../exit-code.js';

/** `plumb keygen`: the key files of a distributed installation. Never overwrites one: what was sealed or signed with it would be lost. */
export function keygen(context: CommandContext, options: { readonly dir: string }): void {
  const { privateKeyPem, publicKeyPem } = generateReleaseKeys();
  const files = {
    'seal.key': generateSealKey(),
    'release.key': privateKeyPem,
    'release.pub': publicKeyPem,
    'log.key': generateSigningKeyPem(),
    'log.token': `${randomBytes(32).toString('base64url')}\n`,
  };
  mkdirSync(options.dir, { recursive: true, mode: 0o700 });
  for (const name of Object.keys(files)) {
    if (existsSync(join(options.dir, name)))
      throw new CommandError(ExitCode.refused, `${join(options.dir, name)} is there already: choose another directory`);
  }
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(options.dir, name), content, { mode: 0o600, flag: 'wx' });
    context.terminal.out(`${join(options.dir, name)}\n`);
  }
}
