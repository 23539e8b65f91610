// SPDX-License-Identifier: Apache-2.0
import {
  type ConsumerName,
  type ConsumerReportInfo,
  CONSUMERS,
  type LegalHoldItem,
  type LegalHoldRequest,
  type LegalHoldResult,
  type QuarantineInfo,
  type QuarantineItem,
} from '@plumbline/api-client';
import { durationMs } from '@plumbline/events';
import { type Command, InvalidArgumentError } from 'commander';
import { type CommandContext, print } from '../../context.js';
import { CommandError, ExitCode } from '../../exit-code.js';
import { plain, table } from '../../output/terminal.js';

/** Maximum time that the server waits in one call. */
const LONGEST_WAIT_MS = 600_000;

/** Options of verbs that wait for the end of long work. */
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

/** Streams to process again; all when absent. */
export interface RetryTarget {
  readonly consumer?: string | undefined;
  readonly stream?: string | undefined;
}

/** `plumb log quarantine`: lists quarantined streams, and the consumers whose state is not known. */
export async function listQuarantine(context: CommandContext): Promise<void> {
  const result = await context.log().quarantine();
  print(context, result, () => quarantineText(context, result));
}

function quarantineText(context: CommandContext, { items, consumers }: QuarantineInfo): string {
  const unknown = notReported(consumers);
  if (items.length > 0) return quarantineTable(context, items) + unknown;
  return unknown === '' ? 'no stream is quarantined\n' : `no quarantined stream is recorded\n${unknown}`;
}

/** Names the consumers whose state is not known; empty if all have reported. */
function notReported(consumers: readonly ConsumerReportInfo[]): string {
  const unknown = consumers.filter(({ state }) => state !== 'Reported');
  if (unknown.length === 0) return '';
  const lines = unknown.map(({ consumer, message = 'no report' }) => `  ${plain(consumer)}: ${plain(message)}\n`);
  return `not known:\n${lines.join('')}`;
}

function quarantineTable(context: CommandContext, items: readonly QuarantineItem[]): string {
  const rows = items.map(({ consumer, stream, position, since, message }) => [
    consumer,
    stream,
    String(position),
    since,
    message,
  ]);
  return table(context.terminal, ['CONSUMER', 'STREAM', 'POSITION', 'SINCE', 'MESSAGE'], rows);
}

/**
 * `plumb log retry`. Exit status 1: at least one stream failed again; 4: a consumer has not reported the result at
 * the timeout.
 */
export async function retry(context: CommandContext, target: RetryTarget, options: WaitingOptions): Promise<void> {
  const { stream } = target;
  const result = await context.log().retryQuarantine({
    ...(target.consumer === undefined ? {} : { consumer: consumerOf(target.consumer) }),
    ...(stream === undefined ? {} : { stream }),
    timeoutMs: timeoutOf(options),
  });
  const { outcome, recovered, items } = result;
  print(context, result, () => {
    const done = `${recovered} quarantined ${recovered === 1 ? 'stream' : 'streams'} recovered\n`;
    return items.length === 0 ? done : `${done}still quarantined:\n${quarantineTable(context, items)}`;
  });
  const streams = `${items.length} ${items.length === 1 ? 'stream' : 'streams'}`;
  if (outcome === 'StillQuarantined')
    throw new CommandError(ExitCode.failed, `the retry failed again for ${streams}; see "plumb log quarantine"`);
  if (outcome === 'Pending')
    throw new CommandError(
      ExitCode.timedOut,
      `the result for ${streams} is not known yet; check it with "plumb log quarantine"`,
    );
}

/** `views` is the former name of the read models. */
function consumerOf(name: string): ConsumerName {
  const consumer = name === 'views' ? 'audit-read-models' : name;
  const known = CONSUMERS.find((candidate) => candidate === consumer);
  if (known === undefined)
    throw new CommandError(ExitCode.usage, plain(`unknown consumer ${name}; use one of ${CONSUMERS.join(', ')}`));
  return known;
}

/** `plumb log hold list`. */
export async function listHolds(context: CommandContext, options: { readonly all?: boolean }): Promise<void> {
  const items = await context.log().holds(options.all === true ? { lifted: true } : {});
  print(context, { items }, () => (items.length === 0 ? 'no legal holds\n' : holdTable(context, items)));
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

/**
 * `plumb log erase-person PERSON`: needs `--yes`, or the person typed again as confirmation. Never prints the person.
 */
export async function erasePerson(context: CommandContext, person: string, options: EraseOptions): Promise<void> {
  if (options.yes !== true) await confirm(context, person);
  const result = await context.log().erasePerson({ person, timeoutMs: timeoutOf(options) });
  const { outcome, subject, events = 0, erasedAt = '' } = result;
  print(context, result, () => {
    if (outcome === 'Pending') return '';
    return `${subject} ${outcome === 'Erased' ? 'is erased' : `was already erased at ${erasedAt}`}: ${events} ${events === 1 ? 'event has' : 'events have'} data of the person, which is now unreadable\n`;
  });
  if (outcome === 'Pending')
    throw new CommandError(
      ExitCode.timedOut,
      `${subject} is being erased: the read models are still being rebuilt; run the same command again to see the result`,
    );
}

async function confirm(context: CommandContext, person: string): Promise<void> {
  if (context.ask === undefined)
    throw new CommandError(ExitCode.usage, 'an erasure cannot be undone: confirm it with --yes');
  const typed = await context.ask('An erasure cannot be undone. Type the person again to confirm: ');
  if (typed.trim() !== person.trim())
    throw new CommandError(ExitCode.usage, 'the confirmation does not match: nothing was erased');
}

function whole(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new InvalidArgumentError('must be a whole number');
  return value;
}

type Run = <Args extends unknown[]>(
  action: (context: CommandContext, ...args: Args) => Promise<unknown>,
) => (...args: Args) => Promise<void>;

/** Adds the verbs of log administration to `plumb log`. */
export function addAdministrationVerbs(log: Command, run: Run): void {
  log
    .command('quarantine')
    .alias('parked')
    .description('list quarantined streams: an event could not be processed, and later events of the stream wait')
    .action(run((context) => listQuarantine(context)));
  log
    .command('retry')
    .alias('release')
    .description('process quarantined streams again after the cause was fixed (admin)')
    .argument('[consumer]', 'as --consumer')
    .argument('[stream]', 'as --stream')
    .option('--consumer <name>', 'only streams that this consumer has quarantined')
    .option('--stream <stream>', 'only this stream')
    .option('--timeout <duration>', 'maximum time to wait for the result', '30s')
    .action(
      run((context, consumer: string | undefined, stream: string | undefined, options: WaitingOptions & RetryTarget) =>
        retry(context, { consumer: options.consumer ?? consumer, stream: options.stream ?? stream }, options),
      ),
    );
  const hold = log
    .command('hold')
    .description('manage legal holds: ranges of events that are neither removed nor erased (admin)');
  hold
    .command('list')
    .description('list legal holds')
    .option('--all', 'include lifted holds')
    .action(run((context, options: { readonly all?: boolean }) => listHolds(context, options)));
  hold
    .command('place')
    .description('place a legal hold on a range of positions')
    .argument('<name>', 'lower case letters, digits, "-" and "."; a name is never reused')
    .requiredOption('--from <position>', 'first position', whole)
    .option('--to <position>', 'position after the last one (default: no end)', whole)
    .requiredOption('--reason <text>', 'reason; recorded in the log, so do not name persons')
    .action(
      run((context, id: string, options: Omit<LegalHoldRequest, 'id'>) => placeHold(context, { id, ...options })),
    );
  hold
    .command('lift')
    .description('lift a legal hold')
    .argument('<name>')
    .action(run((context, id: string) => liftHold(context, id)));
  log
    .command('erase-person')
    .description('permanently make the personal data of a person unreadable (admin)')
    .argument('<person>', 'id of a token, or e-mail address of commits')
    .option('--yes', 'do not ask for confirmation')
    .option('--timeout <duration>', 'maximum time to wait for the result', '30s')
    .action(run((context, person: string, options: EraseOptions) => erasePerson(context, person, options)));
}
