// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateServicesKeys, issueServiceCredential, ServiceName } from '@plumbline/events';
import { generateReleaseKeys, generateSealKey } from '@plumbline/manifest';
import { generateSigningKeyPem, logSigner } from '@plumbline/merkle';
import type { CommandContext } from '../context.js';
import { CommandError, ExitCode } from '../exit-code.js';

/** Services that reach the log over gRPC; audit is the log. */
const CLIENTS = ServiceName.filter((service) => service !== 'audit');

/** Options of `plumb keygen`. */
export interface KeygenOptions {
  readonly dir: string;
  readonly tlsName?: readonly string[];
  /** `PLUMBLINE_LOG_ORIGIN` of the installation, where it is set. */
  readonly origin?: string;
}

/**
 * `plumb keygen`: writes the key files of a distributed installation. It never overwrites a file: what was sealed or signed with it would be
 * lost.
 */
export async function keygen(context: CommandContext, options: KeygenOptions): Promise<void> {
  // Loaded here: no other verb needs it.
  const { makeTlsFiles } = await import('../tls-files.js');
  const { privateKeyPem, publicKeyPem } = generateReleaseKeys();
  const logKeyPem = generateSigningKeyPem();
  const services = generateServicesKeys();
  const nowMs = Date.now();
  const files = {
    'seal.key': generateSealKey(),
    'release.key': privateKeyPem,
    'release.pub': publicKeyPem,
    'log.key': logKeyPem,
    'log.pub': `${logSigner(logKeyPem, options.origin).key.text}\n`,
    'services.key': services.privateKeyPem,
    'services.pub': services.publicKeyPem,
    ...Object.fromEntries(
      CLIENTS.map((service) => [
        `${service}.credential`,
        `${issueServiceCredential(services.privateKeyPem, { service, nowMs })}\n`,
      ]),
    ),
    ...(await makeTlsFiles({ nowMs, dnsNames: options.tlsName ?? [] })),
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
