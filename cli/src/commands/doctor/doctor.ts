// SPDX-License-Identifier: Apache-2.0
import { type CommandContext, print } from '../../context.js';
import { CommandError, ExitCode } from '../../exit-code.js';
import { table } from '../../output/terminal.js';
import { checkDatabases } from './databases.js';
import { checkKeys } from './key-files.js';

/** Result of one check: `NotChecked` says why nothing is known, and never counts as good. */
export interface Finding {
  readonly check: string;
  readonly result: 'Ok' | 'Warning' | 'Failed' | 'NotChecked';
  readonly message: string;
}

/** Options of `plumb doctor`. */
export interface DoctorOptions {
  readonly logDatabase?: string;
  readonly objectStore?: string;
  readonly keys?: string;
}

/**
 * `plumb doctor`: checks the databases and key files of a distributed installation.
 * @throws CommandError with exit status 1 when a check failed, 2 when nothing was given to check.
 */
export async function doctor(context: CommandContext, options: DoctorOptions): Promise<void> {
  const { environment } = context;
  const fromEnvironment = environment['PLUMBLINE_LOG_URL'];
  const logUrl =
    options.logDatabase ?? (fromEnvironment?.startsWith('postgres') === true ? fromEnvironment : undefined);
  const objectStoreUrl = options.objectStore ?? environment['PLUMBLINE_OBJECT_STORE_URL'];
  if (logUrl === undefined && objectStoreUrl === undefined && options.keys === undefined)
    throw new CommandError(ExitCode.usage, 'nothing to check: give --log-database, --object-store or --keys');
  const findings = [...(await checkDatabases({ logUrl, objectStoreUrl })), ...checkKeys(options.keys, context.nowMs())];
  print(context, findings, () =>
    table(
      context.terminal,
      ['RESULT', 'CHECK', 'MESSAGE'],
      findings.map(({ result, check, message }) => [result, check, message]),
    ),
  );
  const failed = findings.filter(({ result }) => result === 'Failed').length;
  if (failed > 0) throw new CommandError(ExitCode.failed, `${failed} of ${findings.length} checks failed`);
}
