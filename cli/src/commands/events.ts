// SPDX-License-Identifier: Apache-2.0
import type { AuditQuery } from '@plumbline/api-client';
import type { RecordedEvent } from '@plumbline/events';
import { stringify } from 'yaml';
import { type CommandContext, print } from '../context.js';
import { CommandError, ExitCode } from '../exit-code.js';
import { paint, plain } from '../output/terminal.js';
import { isPast, type PointInTimeOptions, pointInTimeQuery } from './point-in-time.js';

/** Options of `plumb events`. */
export interface EventsOptions extends PointInTimeOptions {
  readonly follow?: boolean;
  readonly after?: number;
  readonly type?: readonly string[];
  readonly application?: string;
  readonly project?: string;
  readonly environment?: string;
  readonly cluster?: string;
  readonly actor?: string;
  readonly limit: number;
}

/** `plumb events`: the log as it is; with `--follow` for as long as you watch. JSON is one event per line. */
export async function events(context: CommandContext, options: EventsOptions): Promise<void> {
  if (options.follow === true && isPast(options))
    throw new CommandError(
      ExitCode.usage,
      '--follow goes on into the future: it cannot be combined with --as-of or --known-at',
    );
  const client = context.client();
  const { follow: _, after: start, limit, type, asOf, knownAt, ...where } = options;
  const filter = { ...where, ...(type === undefined ? {} : { types: type }) };
  if (options.follow === true) {
    const after = start === undefined ? {} : { after: start };
    const onReconnect = (): void => context.terminal.err('connection lost, resuming…\n');
    for await (const event of client.follow({ ...filter, ...after, signal: context.signal, onReconnect }))
      write(context, event);
    return;
  }
  let asOfQuery = pointInTimeQuery({ asOf, knownAt });
  let after = start ?? -1;
  let left = limit;
  for (;;) {
    const page = await client.events({ ...filter, ...asOfQuery, after, limit: Math.min(left, 500) });
    // All pages read the state of the first one, also if events are recorded meanwhile.
    if (isPast(asOfQuery)) asOfQuery = { ...asOfQuery, knownAt: page.head };
    for (const event of page.events) write(context, event);
    left -= page.events.length;
    if (left <= 0 || page.after >= page.head || page.after === after) return;
    after = page.after;
  }
}

/** `plumb audit`: who did what, when, newest first. */
export async function audit(context: CommandContext, query: AuditQuery & { readonly limit: number }): Promise<void> {
  const client = context.client();
  const found: RecordedEvent[] = [];
  let cursor = query.cursor;
  do {
    const page = await client.audit({
      ...query,
      limit: Math.min(query.limit - found.length, 200),
      ...(cursor === undefined ? {} : { cursor }),
    });
    found.push(...page.events);
    cursor = page.cursor;
  } while (cursor !== undefined && found.length < query.limit);
  const value = cursor === undefined ? { events: found } : { events: found, cursor };
  print(context, value, () => found.map((event) => `${eventLine(context, event)}\n`).join(''));
}

function write(context: CommandContext, event: RecordedEvent): void {
  if (context.options.output === 'json') context.terminal.out(`${JSON.stringify(event)}\n`);
  else if (context.options.output === 'yaml') context.terminal.out(`---\n${stringify(event)}`);
  else context.terminal.out(`${eventLine(context, event)}\n`);
}

/** One line per event: position, time, type, where, what, who. */
export function eventLine({ terminal }: CommandContext, event: RecordedEvent): string {
  const type = event.type === 'Unknown' ? event.data.originalType : event.type;
  const parts = [
    paint(terminal, 'grey', String(event.position).padStart(6)),
    event.recordedAt.slice(0, 23).replace('T', ' '),
    paint(terminal, 'bold', type.padEnd(20)),
    whereOf(event),
    whatOf(event),
    paint(terminal, 'grey', `by ${event.actor.name}`),
  ];
  return plain(parts.filter((part) => part !== '').join('  ')).replaceAll('\n', ' ');
}

function field(data: object, name: string): string | undefined {
  const value: unknown = Reflect.get(data, name);
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined;
}

function whereOf({ data }: RecordedEvent): string {
  const parts = ['application', 'environment', 'cluster']
    .map((name) => field(data, name))
    .filter((part) => part !== undefined);
  return parts.length > 0 ? parts.join('/') : (field(data, 'repository') ?? field(data, 'name') ?? '');
}

const DETAILS = [
  'version',
  'toVersion',
  'revision',
  'kind',
  'cause',
  'result',
  'health',
  'verdict',
  'allowed',
  'reason',
  'message',
  'mode',
  'role',
];

function whatOf(event: RecordedEvent): string {
  if (event.type === 'DriftDetected') {
    return event.data.objects
      .slice(0, 3)
      .map(
        ({ key, kind, fields, actors }) =>
          `${key} ${kind}${fields.length > 0 ? ` ${fields.slice(0, 3).join(', ')}` : ''}${actors.length > 0 ? ` by ${actors.join(', ')}` : ''}`,
      )
      .join('; ');
  }
  const { data } = event;
  const parts: string[] = [];
  for (const name of DETAILS) {
    const value = field(data, name);
    if (value === undefined || value === '') continue;
    parts.push(
      name === 'revision'
        ? value.slice(0, 12)
        : name === 'version'
          ? `version ${value}`
          : name === 'toVersion'
            ? `to version ${value}`
            : value,
    );
  }
  return parts.join(' ');
}
