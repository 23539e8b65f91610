// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { InputError, messageOf } from '@plumbline/core';
import { generateSigningKeyPem, parseVerifierKey, pemSigner } from '@plumbline/merkle';
import { serve } from './server.js';
import { StateFile } from './state-file.js';
import { Witness } from './witness.js';

export { Witness } from './witness.js';
export type { Seen, WitnessAnswer, WitnessOptions, WitnessState } from './witness.js';
export { StateFile } from './state-file.js';
export { serve } from './server.js';

const USAGE = `plumbline-witness keygen --name NAME --key FILE
plumbline-witness serve  --name NAME --key FILE --state FILE --log KEY [--log KEY …] [--listen HOST:PORT]
plumbline-witness key    --name NAME --key FILE
`;

interface Options {
  readonly name?: string;
  readonly key?: string;
  readonly state?: string;
  readonly log?: readonly string[];
  readonly listen?: string;
}

function needed(value: string | undefined, option: string): string {
  if (value === undefined || value === '') throw new InputError('PLB-1802', `option --${option} is required`);
  return value;
}

function keygen(options: Options): string {
  const [name, file] = [needed(options.name, 'name'), needed(options.key, 'key')];
  if (existsSync(file))
    throw new InputError('PLB-1802', `${file} exists; choose another file, because clients may trust the existing key`);
  const pem = generateSigningKeyPem();
  const { text } = pemSigner(pem, name, 'cosignature').key;
  writeFileSync(file, pem, { mode: 0o600, flag: 'wx' });
  return text;
}

async function run(options: Options): Promise<void> {
  const signer = pemSigner(
    readFileSync(needed(options.key, 'key'), 'utf8'),
    needed(options.name, 'name'),
    'cosignature',
  );
  const logs = (options.log ?? []).map(parseVerifierKey);
  if (logs.length === 0) throw new InputError('PLB-1802', 'option --log is required: the verifier key of a log');
  const [, host = '', port = ''] = /^(.+):(\d{1,5})$/.exec(options.listen ?? '127.0.0.1:7075') ?? [];
  if (host === '') throw new InputError('PLB-1802', '--listen must be HOST:PORT');
  const state = await StateFile.open(needed(options.state, 'state'));
  const witness = new Witness({ signer, logs, state, nowMs: () => Date.now() });
  const server = await serve(witness, {
    host: host.replace(/^\[|\]$/g, ''),
    port: Number(port),
    log: (line) => void process.stderr.write(`${line}\n`),
  });
  const address = server.address();
  process.stdout.write(
    `witness ${signer.key.text}\nlistens at http://${host}:${typeof address === 'object' && address !== null ? address.port : port}\n`,
  );
  await new Promise<void>((resolve) => {
    const stop = (): void => {
      server.close(() => resolve());
      server.closeIdleConnections();
    };
    process.once('SIGTERM', stop).once('SIGINT', stop);
  });
}

/** Runs the command; returns its exit status and never throws. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        name: { type: 'string' },
        key: { type: 'string' },
        state: { type: 'string' },
        log: { type: 'string', multiple: true },
        listen: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    const [verb] = positionals;
    if (verb === 'keygen') process.stdout.write(`${keygen(values)}\n`);
    else if (verb === 'key')
      process.stdout.write(
        `${pemSigner(readFileSync(needed(values.key, 'key'), 'utf8'), needed(values.name, 'name'), 'cosignature').key.text}\n`,
      );
    else if (verb === 'serve') await run(values);
    else {
      process.stderr.write(USAGE);
      return values.help === true ? 0 : 2;
    }
    return 0;
  } catch (error) {
    process.stderr.write(`plumbline-witness: ${messageOf(error)}\n`);
    return 1;
  }
}
