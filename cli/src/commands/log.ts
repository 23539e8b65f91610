// SPDX-License-Identifier: Apache-2.0
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CommandContext } from '../context.js';
import { ExportFormat, exportLog, type ExportOptions } from './log-export.js';
import { fsck, type FsckOptions } from './log-fsck.js';
import { importLog, verifyExport } from './log-import.js';
import { addUpkeepVerbs } from './log-upkeep.js';
import { asResult, type VerifyCommandOptions, verifyServer } from './log-verify.js';

type Run = <Args extends unknown[]>(
  action: (context: CommandContext, ...args: Args) => Promise<unknown>,
) => (...args: Args) => Promise<void>;

function whole(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new InvalidArgumentError('must be a whole number');
  return value;
}

const list = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** `plumb log …`: what anyone needs to check the log without trusting its server. */
export function addLogVerbs(program: Command, run: Run): void {
  const log = program.command('log').description('verify, check, export, import and look after the log');
  const key = '--key <key|file>';
  log
    .command('verify')
    .description('verify the log of the server, or an export without any server')
    .argument('[export]', 'a directory, an evidence file or an NDJSON export')
    .option(key, 'verifier key of the log (name+id+key); the remembered one, or the one that is offered, when absent')
    .option('--witness <key>', 'verifier key of a witness that must have cosigned (repeatable)', list)
    .option('--full', 'from the beginning, also what was verified before')
    .action(
      run((context, source: string | undefined, options: VerifyCommandOptions) =>
        asResult(async () =>
          source === undefined ? verifyServer(context, options) : verifyExport(context, source, options),
        ),
      ),
    );
  log
    .command('fsck')
    .description('hash everything that is stored again and name the first position that was altered')
    .option('--database <url>', 'read the database of the log itself instead of the server')
    .option('--checkpoint <file>', 'also hold it to a checkpoint that was kept elsewhere')
    .option(key, 'verifier key of the log')
    .action(run((context, options: FsckOptions) => fsck(context, options)));
  log
    .command('export')
    .description('write the log, or the evidence of one change, so that others can verify it')
    .addOption(new Option('--format <format>').choices([...ExportFormat]))
    .option('--out <path>', 'file, or directory for tiles; standard output when absent')
    .option('--from <position>', 'first position', whole)
    .option('--to <position>', 'position after the last one', whole)
    .option('--correlation <id>', 'evidence of the change with this correlation id')
    .option('--application <name>', 'with --version: evidence of the change that made it')
    .option('--version <version>', 'version of the application', whole)
    .action(run((context, options: ExportOptions) => exportLog(context, options)));
  log
    .command('import')
    .description('read an export and verify it')
    .argument('<export>')
    .requiredOption('--verify', 'nothing is written: there is no other way to import')
    .option(key, 'verifier key of the log')
    .action(run((context, source: string, options: { readonly key?: string }) => importLog(context, source, options)));
  addUpkeepVerbs(log, run);
}
