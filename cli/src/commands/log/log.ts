// SPDX-License-Identifier: Apache-2.0
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CommandContext } from '../../context.js';
import { ExportFormat, exportLog, type ExportOptions } from './export.js';
import { fsck, type FsckOptions } from './fsck.js';
import { importLog, verifyExport } from './import.js';
import { addAdministrationVerbs } from './administration.js';
import { asResult, type VerifyCommandOptions, verifyServer } from './verify.js';

type Run = <Args extends unknown[]>(
  action: (context: CommandContext, ...args: Args) => Promise<unknown>,
) => (...args: Args) => Promise<void>;

function whole(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new InvalidArgumentError('must be a whole number');
  return value;
}

const list = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** Adds `plumb log …`: verification without trust in the server, exports, and log administration. */
export function addLogVerbs(program: Command, run: Run): void {
  const log = program.command('log').description('verify, export, import and administer the log');
  const key = '--key <key|file>';
  log
    .command('verify')
    .description('verify the log of the server, or an export offline')
    .argument('[export]', 'a directory, an evidence file or an NDJSON export')
    .option(key, 'verifier key of the log, name+id+key (default: the stored key, or the one that the server returns)')
    .option('--witness <key>', 'verifier key of a witness whose cosignature is required (repeatable)', list)
    .option('--full', 'verify from position 0 instead of the last verified position')
    .action(
      run((context, source: string | undefined, options: VerifyCommandOptions) =>
        asResult(async () =>
          source === undefined ? verifyServer(context, options) : verifyExport(context, source, options),
        ),
      ),
    );
  log
    .command('fsck')
    .description('hash all stored events and print the first altered position')
    .option('--database <url>', 'read the database of the log instead of the server')
    .option('--checkpoint <file>', 'compare with a checkpoint that was kept elsewhere')
    .option(key, 'verifier key of the log')
    .action(run((context, options: FsckOptions) => fsck(context, options)));
  log
    .command('export')
    .description('export the log, or the evidence of one change, in verifiable form')
    .addOption(new Option('--format <format>').choices([...ExportFormat]))
    .option('--out <path>', 'file, or directory for tiles (default: standard output)')
    .option('--from <position>', 'first position', whole)
    .option('--to <position>', 'position after the last one', whole)
    .option('--correlation <id>', 'export evidence of the change with this correlation id')
    .option('--application <name>', 'with --version: export evidence of the change that created the version')
    .option('--version <version>', 'version of the application', whole)
    .action(run((context, options: ExportOptions) => exportLog(context, options)));
  log
    .command('import')
    .description('read and verify an export')
    .argument('<export>')
    .requiredOption('--verify', 'required: an import verifies and writes nothing')
    .option(key, 'verifier key of the log')
    .action(run((context, source: string, options: { readonly key?: string }) => importLog(context, source, options)));
  addAdministrationVerbs(log, run);
}
