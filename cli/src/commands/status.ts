// SPDX-License-Identifier: Apache-2.0
import type {
  ApplicationStatus,
  DiffResult,
  EnvironmentStatus,
  HistoryEntry,
  PlanResult,
  TargetPlan,
} from '@plumbline/api-client';
import type { ObjectChange } from '@plumbline/events';
import { type CommandContext, print } from '../context.js';
import { CommandError, ExitCode } from '../exit-code.js';
import { contextAt, type PointInTimeOptions, pointInTimeQuery } from './point-in-time.js';
import { ago, paint, paintState, plain, table } from '../output/terminal.js';

/** `plumb status APP`. */
export async function status(
  context: CommandContext,
  application: string,
  options: PointInTimeOptions = {},
): Promise<void> {
  const result = await context.client().status(application, pointInTimeQuery(options));
  print(context, result, () => statusText(contextAt(context, options), result));
}

function statusText(context: CommandContext, { application, environments }: ApplicationStatus): string {
  const { terminal } = context;
  const lines = [
    `${paint(terminal, 'bold', application.id)}  ${paintState(terminal, application.summary.sync.state)}  ${paintState(terminal, application.summary.health.state)}`,
    `  ${application.spec.repository} @ ${application.spec.ref}, path ${application.spec.path}`,
  ];
  if (application.suspended !== undefined)
    lines.push(
      `  suspended by ${application.suspended.by.name} ${ago(application.suspended.at, context.nowMs())} ago${application.suspended.reason === undefined ? '' : `: ${application.suspended.reason}`}`,
    );
  if (application.removal !== undefined) lines.push(`  being removed (${application.removal.mode.toLowerCase()})`);
  for (const environment of environments) lines.push('', ...environmentText(context, environment));
  return `${lines.map(plain).join('\n').replaceAll(/ +\n/g, '\n')}\n`;
}

function environmentText(context: CommandContext, environment: EnvironmentStatus): readonly string[] {
  const { terminal } = context;
  const { latest, released } = environment;
  const lines = [
    `${paint(terminal, 'bold', environment.name)}  released ${released === undefined ? 'nothing' : `version ${released.version} (${released.revision.slice(0, 12)} ${released.commit.message})`}`,
  ];
  if (latest !== undefined && latest.version !== released?.version) {
    const ran = latest.decision.state === 'Released';
    lines.push(
      ran
        ? `  version ${latest.version} is newer and was rolled back`
        : `  version ${latest.version}: ${paintState(terminal, latest.decision.state)} — ${latest.decision.message} (${ago(latest.decision.since, context.nowMs())})`,
    );
    if (latest.decision.state === 'WaitingApproval')
      lines.push(
        `  to approve: plumb approve ${latest.application.replace(/^default\//, '')} ${latest.version} --environment ${environment.name}`,
      );
  }
  if (environment.renderError !== undefined)
    lines.push(
      `  ${paint(terminal, 'red', 'render failed')} at ${environment.renderError.revision.slice(0, 12)}: ${environment.renderError.message}`,
    );
  for (const target of environment.targets) {
    const since = ago(target.sync.since, context.nowMs());
    lines.push(
      `  ${target.cluster}: ${paintState(terminal, target.sync.state)} ${paintState(terminal, target.health.state)}  version ${target.version ?? '-'}, ${target.objectCount} objects, ${since}`,
    );
    if (target.sync.state !== 'Synced') lines.push(`    ${target.sync.reason}: ${target.sync.message}`);
    if (target.health.state !== 'Healthy') lines.push(`    ${target.health.reason}: ${target.health.message}`);
    for (const { key, fields, actors } of target.drift)
      lines.push(
        `    drift ${key}${fields.length > 0 ? ` ${fields.join(', ')}` : ''}${actors.length > 0 ? ` by ${actors.join(', ')}` : ''}`,
      );
    for (const { key, health, message } of target.unhealthy)
      lines.push(`    ${paintState(terminal, health)} ${key}: ${message}`);
    for (const change of failures(target.lastSync))
      lines.push(
        `    ${paintState(terminal, change.action)} ${change.key}${change.source === undefined ? '' : ` (${change.source})`}: ${change.message ?? change.reason ?? ''}`,
      );
  }
  return lines;
}

function failures(
  last: ApplicationStatus['environments'][number]['targets'][number]['lastSync'],
): readonly ObjectChange[] {
  const all = last?.changes?.inline ?? last?.objects ?? [];
  return all
    .filter(
      ({ action }) =>
        action === 'Failed' || action === 'Refused' || action === 'PendingDeletion' || action === 'Skipped',
    )
    .slice(0, 20);
}

/** `plumb history APP`. */
export async function history(
  present: CommandContext,
  application: string,
  options: PointInTimeOptions & { readonly limit: number },
): Promise<void> {
  const context = contextAt(present, options);
  const { items } = await context.client().history(application, { limit: options.limit, ...pointInTimeQuery(options) });
  print(context, { items }, (wide) => {
    if (items.length === 0) return 'no versions yet\n';
    const header = [
      'VERSION',
      'ENVIRONMENT',
      'REVISION',
      'DECISION',
      'OUTCOME',
      'AGE',
      'MESSAGE',
      ...(wide ? ['AUTHOR', 'APPROVED BY', 'DIGEST'] : []),
    ];
    return table(
      context.terminal,
      header,
      items.flatMap((entry) => historyRows(context, entry, wide)),
    );
  });
}

function historyRows(context: CommandContext, entry: HistoryEntry, wide: boolean): readonly (readonly string[])[] {
  return entry.environments.map((environment) => {
    const outcomes = environment.outcomes.map(
      ({ cluster, result, cause }) => `${cluster}:${result}${cause === 'Release' ? '' : `(${cause})`}`,
    );
    const decision =
      environment.releases.length > 1
        ? `${environment.decision.state} ×${environment.releases.length}`
        : environment.decision.state;
    return [
      String(entry.version),
      environment.environment,
      entry.revision.slice(0, 12),
      decision,
      outcomes.slice(0, 4).join(' '),
      ago(environment.renderedAt, context.nowMs()),
      entry.commit.message.slice(0, 60),
      ...(wide
        ? [
            entry.commit.author.email,
            environment.approvals.map(({ approverName }) => approverName).join(),
            environment.renderDigest.slice(0, 19),
          ]
        : []),
    ];
  });
}

/** Options of `plumb diff`. */
export interface DiffOptions extends PointInTimeOptions {
  readonly from?: number;
  readonly to?: number;
  readonly environment?: string;
  readonly live?: boolean;
}

/** `plumb diff APP [--from N --to M | --live]`. */
export async function diff(context: CommandContext, application: string, options: DiffOptions): Promise<void> {
  if (options.live === true) {
    if (options.asOf !== undefined || options.knownAt !== undefined)
      throw new CommandError(ExitCode.usage, '--live is now: it cannot be combined with --as-of or --known-at');
    await plan(context, application, options.environment === undefined ? {} : { environment: options.environment });
    return;
  }
  const query = {
    ...pointInTimeQuery(options),
    ...(options.from === undefined ? {} : { from: options.from }),
    ...(options.to === undefined ? {} : { to: options.to }),
    ...(options.environment === undefined ? {} : { environment: options.environment }),
  };
  const result = await context.client().diff(application, query);
  print(context, result, () => diffText(context, result));
}

function diffText({ terminal }: CommandContext, result: DiffResult): string {
  const lines: string[] = [];
  for (const { environment, from, to, objects, unchangedCount } of result.environments) {
    lines.push(
      paint(terminal, 'bold', `${environment}: version ${from ?? 'nothing'} → ${to}`),
      `  ${unchangedCount} unchanged, ${objects.length} differ`,
    );
    for (const { key, change, fields } of objects) {
      lines.push(
        `  ${paint(terminal, change === 'Added' ? 'green' : change === 'Removed' ? 'red' : 'yellow', change)} ${key}`,
      );
      for (const { path, op, from: before, to: after } of change === 'Changed' ? fields : []) {
        if (op !== 'add') lines.push(paint(terminal, 'red', `    - ${path}: ${JSON.stringify(before)}`));
        if (op !== 'remove') lines.push(paint(terminal, 'green', `    + ${path}: ${JSON.stringify(after)}`));
      }
    }
  }
  return `${lines.join('\n')}\n`;
}

/** `plumb plan APP`: what a sync would do, found out by dry-run on the clusters. */
export async function plan(
  context: CommandContext,
  application: string,
  options: { readonly environment?: string; readonly version?: number; readonly timeoutMs?: number },
): Promise<void> {
  const result = await context.client().plan(application, options);
  print(context, result, () => planText(context, result));
  if (!result.complete) throw new CommandError(ExitCode.timedOut, 'not every target has answered in time');
  if (result.plans.some(({ state }) => state === 'Failed')) throw new CommandError(ExitCode.failed, 'a plan failed');
}

function planText(context: CommandContext, result: PlanResult): string {
  if (result.plans.length === 0) return 'there is nothing to plan: no environment has a version\n';
  return result.plans.map((one) => onePlan(context, one)).join('');
}

function onePlan({ terminal }: CommandContext, one: TargetPlan): string {
  const head = paint(
    terminal,
    'bold',
    `${one.environment} on ${one.cluster}${one.version === undefined ? '' : `: version ${one.version}`}`,
  );
  if (one.state === 'Pending') return `${head}\n  no answer yet\n`;
  if (one.state === 'Failed')
    return `${head}\n  ${paint(terminal, 'red', one.reason ?? 'Failed')}: ${plain(one.message ?? '')}\n`;
  const lines = [
    head,
    `  ${summary(one.changes?.counts ?? {})}${one.partial === true ? ' (partial: some objects cannot be tried yet)' : ''}`,
  ];
  if (one.guard !== undefined) lines.push(`  ${paint(terminal, 'red', 'needs confirmation')}: ${one.guard}`);
  for (const change of one.changes?.inline ?? []) {
    if (change.action === 'Unchanged') continue;
    lines.push(
      `  ${change.action} ${change.key}${change.fields === undefined || change.fields.length === 0 ? '' : `: ${change.fields.join(', ')}`}${change.message === undefined ? '' : ` — ${plain(change.message)}`}`,
    );
    for (const owner of change.takenOver ?? []) lines.push(`    takes over ${owner}`);
  }
  return `${lines.join('\n')}\n`;
}

/** Counts in words: `2 created, 1 unchanged`. */
export function summary(counts: Readonly<Record<string, number | undefined>>): string {
  const parts = Object.entries(counts)
    .filter(([, count]) => (count ?? 0) > 0)
    .map(([action, count]) => `${count ?? 0} ${action.toLowerCase()}`);
  return parts.length === 0 ? 'nothing to do' : parts.join(', ');
}
