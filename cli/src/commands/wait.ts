// SPDX-License-Identifier: Apache-2.0
import { ApiError, type ApplicationStatus, type EnvironmentStatus, type PlumblineClient } from '@plumbline/api-client';
import { durationMs } from '@plumbline/events';
import { type CommandContext, print } from '../context.js';
import { CommandError, ExitCode } from '../exit-code.js';
import { Progress } from '../output/terminal.js';

/** Options of `plumb wait`. */
export interface WaitOptions {
  readonly commit?: string;
  readonly version?: number;
  readonly for: 'synced' | 'healthy';
  readonly environment?: string;
  readonly timeout: string;
}

/** How far one environment is on the way to what is waited for. */
export type Verdict =
  | { readonly type: 'done' }
  | { readonly type: 'waiting'; readonly why: string }
  | { readonly type: 'failed'; readonly why: string };

/**
 * `plumb wait APP`: until it is so, or can no longer become so, or the time is over. Woken by events, not by a clock.
 */
export async function wait(context: CommandContext, application: string, options: WaitOptions): Promise<void> {
  const client = context.client();
  const progress = new Progress(context.terminal);
  const timeout = AbortSignal.timeout(durationMs(options.timeout));
  const signal = AbortSignal.any([timeout, context.signal]);
  try {
    let last = await look(client, application, options, progress);
    if (last.verdict.type === 'waiting') {
      for await (const minPosition of wakeUps(client, { application, after: last.position - 1, signal })) {
        last = await look(client, application, { ...options, minPosition }, progress);
        if (last.verdict.type !== 'waiting') break;
      }
    }
    progress.done();
    const { verdict, status } = last;
    if (verdict.type === 'done') return print(context, status, () => `${application} is ${options.for}\n`);
    if (verdict.type === 'failed')
      throw new CommandError(ExitCode.failed, `${application} will not become ${options.for}: ${verdict.why}`);
    throw new CommandError(
      ExitCode.timedOut,
      `${application} is not ${options.for} after ${options.timeout}: ${verdict.why}`,
    );
  } finally {
    progress.done();
  }
}

interface Look {
  readonly verdict: Verdict;
  readonly status: ApplicationStatus;
  readonly position: number;
}

/** A look sees at least the event that woke it, whichever instance of the server answers. */
async function look(
  client: PlumblineClient,
  application: string,
  options: WaitOptions & { readonly minPosition?: number },
  progress: Progress,
): Promise<Look> {
  const status = await client.status(
    application,
    options.minPosition === undefined ? {} : { minPosition: options.minPosition },
  );
  const wanted = status.environments.filter(
    ({ name }) => options.environment === undefined || name === options.environment,
  );
  if (wanted.length === 0)
    throw new CommandError(ExitCode.notFound, `${application} has no environment "${options.environment ?? ''}"`);
  const version = await wantedVersion(client, application, options);
  const verdicts = wanted.map((environment) => verdictOn(environment, { ...options, ...version }));
  const verdict = verdicts.find(({ type }) => type === 'failed') ??
    verdicts.find(({ type }) => type === 'waiting') ?? { type: 'done' as const };
  if (verdict.type === 'waiting') progress.update(`waiting: ${verdict.why}`);
  return { verdict, status, position: status.position };
}

/** The number of the version that came from a commit; undefined while there is none. */
async function wantedVersion(
  client: PlumblineClient,
  application: string,
  options: WaitOptions,
): Promise<{ readonly version?: number; readonly awaited?: string }> {
  if (options.commit === undefined) return options.version === undefined ? {} : { version: options.version };
  const { commit } = options;
  const { items } = await client.history(application, { limit: 100 });
  const entry = items.find(({ revision }) => revision.startsWith(commit));
  return entry === undefined ? { awaited: commit } : { version: entry.version };
}

/** Pure: what the state of one environment says about the wish. */
export function verdictOn(
  environment: EnvironmentStatus,
  wish: { readonly for: 'synced' | 'healthy'; readonly version?: number; readonly awaited?: string },
): Verdict {
  const { name, latest, released, renderError, targets } = environment;
  if (wish.awaited !== undefined) {
    if (renderError?.revision.startsWith(wish.awaited) === true)
      return { type: 'failed', why: `"${name}" cannot be rendered: ${renderError.message}` };
    return { type: 'waiting', why: `no version from commit ${wish.awaited} yet` };
  }
  if (
    wish.version !== undefined &&
    (released?.version ?? 0) < wish.version &&
    latest !== undefined &&
    latest.version >= wish.version
  ) {
    const { state, message } = latest.decision;
    if (state === 'Blocked' || state === 'Rejected')
      return { type: 'failed', why: `version ${latest.version} in "${name}" is ${state}: ${message}` };
    return { type: 'waiting', why: `version ${latest.version} in "${name}" is ${state}: ${message}` };
  }
  if (wish.version !== undefined && latest !== undefined && latest.version < wish.version && released === undefined)
    return { type: 'waiting', why: `"${name}" has no version ${wish.version} yet` };
  if (released === undefined)
    return {
      type: 'waiting',
      why: latest === undefined ? `"${name}" has no version yet` : `"${name}": ${latest.decision.message}`,
    };
  for (const target of targets) {
    if (
      target.sync.state === 'Failed' &&
      target.lastSync?.changes !== undefined &&
      target.lastSync.version === released.version
    )
      return { type: 'waiting', why: `${target.id} failed: ${target.sync.message}` };
    if (target.sync.state !== 'Synced' || target.version !== released.version)
      return { type: 'waiting', why: `${target.id} is ${target.sync.state}: ${target.sync.message}` };
    if (wish.for === 'healthy' && target.health.state !== 'Healthy')
      return { type: 'waiting', why: `${target.id} is ${target.health.state}: ${target.health.message}` };
  }
  return targets.length === 0 ? { type: 'waiting', why: `"${name}" has no target` } : { type: 'done' };
}

/**
 * The position of each event of the application; ends when the signal aborts. Falls back to asking when streams are
 * not to be had.
 */
async function* wakeUps(
  client: PlumblineClient,
  options: { readonly application: string; readonly after: number; readonly signal: AbortSignal },
): AsyncGenerator<number> {
  try {
    for await (const { position } of client.follow(options)) yield position;
  } catch (error) {
    if (!(error instanceof ApiError) || options.signal.aborted) throw error;
    while (!options.signal.aborted) {
      yield options.after;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
  }
}
