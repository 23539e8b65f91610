// SPDX-License-Identifier: Apache-2.0
import type { LegalHoldItem, LegalHoldRequest, LegalHoldResult, ParkedWorkItem } from '@plumbline/api-client';
import { durationMs } from '@plumbline/events';
import { type Command, InvalidArgumentError } from 'commander';
import { type CommandContext, print } from '../context.js';
import { CommandError, ExitCode } from '../exit-code.js';
import { ago, plain, table } from '../output/terminal.js';

/** The longest that the server waits in one call. */
const LONGEST_WAIT_MS = 600_000;

/** Options of verbs that wait for long work. */
export interface WaitingOptions {
  readonly timeout: string;
}

/** Options of `plumb log erase-person`. */
export interface EraseOptions extends WaitingOptions {
  readonly yes?: boolean;
}

function timeoutOf({ timeout }: WaitingOptions): number {
  return Math.min(durationMs(timeout), LONGEST_WAIT_MS);
}

/** `plumb log parked`. */
export async function listParked(context: CommandContext): Promise<void> {
  const items = await context.log().parked();
  print(context, { items }, () => (items.length === 0 ? 'nothing is parked\n' : parkedTable(context, items)));
}

function parkedTable(context: CommandContext, items: readonly ParkedWorkItem[]): string {
  const rows = items.map(({ consumer, key, position, waiting, parkedAt, error }) => [
    consumer,
    key,
    String(position),
    String(waiting),
    ago(parkedAt, context.nowMs()),
    error,
  ]);
  return table(context.terminal, ['CONSUMER', 'KEY', 'POSITION', 'WAITING', 'AGE', 'ERROR'], rows);
}

/** `plumb log release CONSUMER KEY`: 1 when it failed again, 4 when it is still being tried. */
export async function release(
  context: CommandContext,
  target: { readonly consumer: string; readonly key: string },
  options: WaitingOptions,
): Promise<void> {
  const result = await context.log().release({ ...target, timeoutMs: timeoutOf(options) });
  print(context, result, () =>
    result.outcome === 'Released'
      ? `${plain(target.key)} goes on${result.released > 1 ? `, and ${result.released - 1} more` : ''}\n`
      : '',
  );
  if (result.outcome === 'StillParked')
    throw new CommandError(
      ExitCode.failed,
      plain(
        `${target.key} failed again at position ${result.item?.position ?? '?'} and stays parked: ${result.item?.error ?? ''}`,
      ),
    );
  if (result.outcome === 'Pending')
    throw new CommandError(ExitCode.timedOut, `${target.key} is still being tried; see later with: plumb log parked`);
}

/** `plumb log hold list`. */
export async function listHolds(context: CommandContext, options: { readonly all?: boolean }): Promise<void> {
  const items = await context.log().holds(options.all === true ? { lifted: true } : {});
  print(context, { items }, () => (items.length === 0 ? 'there is no legal hold\n' : holdTable(context, items)));
}

function holdTable(context: CommandContext, items: readonly LegalHoldItem[]): string {
  const rows = items.map(({ id, from, to, placedBy, placedAt, liftedAt, reason }) => [
    id,
    String(from),
    to === undefined ? 'open' : String(to),
    placedAt,
    liftedAt ?? '-',
    placedBy,
    reason,
  ]);
  return table(context.terminal, ['NAME', 'FROM', 'TO', 'PLACED', 'LIFTED', 'BY', 'REASON'], rows);
}

/** `plumb log hold place NAME`. */
export async function placeHold(context: CommandContext, hold: LegalHoldRequest): Promise<void> {
  const result = await context.log().placeHold(hold);
  print(context, result, () => changeText(result));
}

/** `plumb log hold lift NAME`. */
export async function liftHold(context: CommandContext, id: string): Promise<void> {
  const result = await context.log().liftHold(id);
  print(context, result, () => changeText(result));
}

function changeText({ action, hold: { id, from, to }, position }: LegalHoldResult): string {
  return `legal hold ${id} on ${to === undefined ? `everything from ${from} on` : `${from} to ${to - 1}`} ${action} (position ${position})\n`;
}

/** `plumb log erase-person PERSON`: only with `--yes`, or after the person was typed again. Never prints who it is. */
export async function erasePerson(context: CommandContext, person: string, options: EraseOptions): Promise<void> {
  if (options.yes !== true) await confirm(context, person);
  const result = await context.log().erasePerson({ person, timeoutMs: timeoutOf(options) });
  const { outcome, subject, events = 0, erasedAt = '' } = result;
  print(context, result, () => {
    if (outcome === 'Pending') return '';
    return `${subject} ${outcome === 'Erased' ? 'is erased' : `was erased before, at ${erasedAt}`}: ${events} ${events === 1 ? 'event holds' : 'events hold'} something of the person that nobody can read any more\n`;
  });
  if (outcome === 'Pending')
    throw new CommandError(
      ExitCode.timedOut,
      `${subject} is being erased, and the views are still being built without the person: ask again with the same command`,
    );
}

async function confirm(context: CommandContext, person: string): Promise<void> {
  if (context.ask === undefined)
    throw new CommandError(ExitCode.usage, 'nothing brings an erased person back: say that you mean it with --yes');
  const typed = await context.ask('Nothing brings an erased person back. Type the person again: ');
  if (typed.trim() !== person.trim())
    throw new CommandError(ExitCode.usage, 'that is not the same person: nothing was erased');
}

function whole(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new InvalidArgumentError('must be a whole number');
  return value;
}

type Run = <Args extends unknown[]>(
  action: (context: CommandContext, ...args: Args) => Promise<unknown>,
) => (...args: Args) => Promise<void>;

/** The verbs of `plumb log` that change something. */
export function addUpkeepVerbs(log: Command, run: Run): void {
  log
    .command('parked')
    .description('events that cannot be applied and hold up their stream')
    .action(run((context) => listParked(context)));
  log
    .command('release')
    .description('try parked work again after its cause was mended (admin)')
    .argument('<consumer>', 'as "plumb log parked" shows it')
    .argument('<key>', 'as "plumb log parked" shows it')
    .option('--timeout <duration>', 'how long to wait for the end', '30s')
    .action(
      run((context, consumer: string, key: string, options: WaitingOptions) =>
        release(context, { consumer, key }, options),
      ),
    );
  const hold = log.command('hold').description('legal holds: events that are neither removed nor erased (admin)');
  hold
    .command('list')
    .option('--all', 'also those that were lifted')
    .action(run((context, options: { readonly all?: boolean }) => listHolds(context, options)));
  hold
    .command('place')
    .argument('<name>', 'lower case letters, digits, "-", "."; never used again')
    .requiredOption('--from <position>', 'first position', whole)
    .option('--to <position>', 'position after the last one; everything that follows when absent', whole)
    .requiredOption('--reason <text>', 'kept in the log, so name no person')
    .action(
      run((context, id: string, options: Omit<LegalHoldRequest, 'id'>) => placeHold(context, { id, ...options })),
    );
  hold
    .command('lift')
    .argument('<name>')
    .action(run((context, id: string) => liftHold(context, id)));
  log
    .command('erase-person')
    .description('make a person unreadable in the log, for ever (admin)')
    .argument('<person>', 'the id of a token, or an e-mail address of commits')
    .option('--yes', 'do not ask')
    .option('--timeout <duration>', 'how long to wait for the end', '30s')
    .action(run((context, person: string, options: EraseOptions) => erasePerson(context, person, options)));
}
