// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { duration, durationMs, generateServicesKeys, issueServiceCredential, ServiceName } from '@plumbline/events';
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
  /** Only a new credential for this service, signed by the services.key of the directory. */
  readonly service?: string;
  /** Duration after which the credentials expire; they do not expire when absent. */
  readonly validFor?: string;
}

/**
 * `plumb keygen`: writes the key files of a distributed installation, or a new credential for one service. It never
 * overwrites a file: what
 * was sealed or signed with it would be lost.
 */
export async function keygen(context: CommandContext, options: KeygenOptions): Promise<void> {
  if (options.validFor !== undefined && !duration.safeParse(options.validFor).success)
    throw new CommandError(ExitCode.usage, `"${options.validFor}" is no duration: write for example 2160h`);
  const validity = options.validFor === undefined ? {} : { validForMs: durationMs(options.validFor) };
  const credentials = (privateKeyPem: string, services: readonly ServiceName[]): Readonly<Record<string, string>> =>
    Object.fromEntries(
      services.map((service) => [
        `${service}.credential`,
        `${issueServiceCredential(privateKeyPem, { service, nowMs: context.nowMs(), ...validity })}\n`,
      ]),
    );
  const { service } = options;
  if (service === undefined) return writeNew(context, options.dir, await allFiles(context, options, credentials));
  const known = CLIENTS.find((name) => name === service);
  if (known === undefined)
    throw new CommandError(ExitCode.usage, `"${service}" is no service that has a credential: ${CLIENTS.join(', ')}`);
  writeNew(context, options.dir, credentials(readFileSync(join(options.dir, 'services.key'), 'utf8'), [known]));
}

async function allFiles(
  context: CommandContext,
  options: KeygenOptions,
  credentials: (privateKeyPem: string, services: readonly ServiceName[]) => Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, string>>> {
  // Loaded here: no other verb needs it.
  const { makeTlsFiles } = await import('../tls-files.js');
  const { privateKeyPem, publicKeyPem } = generateReleaseKeys();
  const logKeyPem = generateSigningKeyPem();
  const services = generateServicesKeys();
  return {
    'seal.key': generateSealKey(),
    'release.key': privateKeyPem,
    'release.pub': publicKeyPem,
    'log.key': logKeyPem,
    'log.pub': `${logSigner(logKeyPem, options.origin).key.text}\n`,
    'services.key': services.privateKeyPem,
    'services.pub': services.publicKeyPem,
    ...credentials(services.privateKeyPem, CLIENTS),
    ...(await makeTlsFiles({ nowMs: context.nowMs(), dnsNames: options.tlsName ?? [] })),
  };
}

function writeNew(context: CommandContext, dir: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const present = Object.keys(files).find((name) => existsSync(join(dir, name)));
  if (present !== undefined)
    throw new CommandError(
      ExitCode.refused,
      `${join(dir, present)} exists: choose another directory, or move the file away first`,
    );
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(dir, name), content, { mode: 0o600, flag: 'wx' });
    context.terminal.out(`${join(dir, name)}\n`);
  }
}
