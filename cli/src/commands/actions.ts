// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import type { ApprovalResult } from '@plumbline/api-client';
import { type CommandContext, print } from '../context.js';
import { CommandError, ExitCode } from '../exit-code.js';
import { writeProfile } from '../profile.config.js';

/** `plumb approve|reject APP VERSION`. */
export async function decide(
  context: CommandContext,
  verdict: 'approve' | 'reject',
  application: string,
  options: { readonly version: number; readonly environment?: string; readonly comment?: string },
): Promise<void> {
  const { version, ...request } = options;
  const client = context.client();
  const result =
    verdict === 'approve'
      ? await client.approve(application, version, request)
      : await client.reject(application, version, request);
  print(context, result, () => `${decisionText(application, result)}\n`);
  if (result.outcome === 'Refused')
    throw new CommandError(ExitCode.refused, `${result.reason ?? 'Refused'}: ${result.message ?? ''}`);
  if (result.outcome === 'Pending')
    throw new CommandError(ExitCode.timedOut, 'the approval is in the log, but has not been answered in time');
}

function decisionText(
  application: string,
  { environment, version, outcome, granted, required }: ApprovalResult,
): string {
  const what = `version ${version} of ${application} in ${environment}`;
  if (outcome === 'Granted') return `${what}: approved (${granted ?? 1} of ${required ?? 1})`;
  return outcome === 'Rejected' ? `${what}: rejected` : `${what}: ${outcome.toLowerCase()}`;
}

/** `plumb sync APP`. */
export async function sync(
  context: CommandContext,
  application: string,
  options: { readonly environment?: string; readonly cluster?: string; readonly confirmPrune?: boolean },
): Promise<void> {
  const result = await context.client().sync(application, options);
  print(
    context,
    result,
    () =>
      `sync of ${application} requested (position ${result.position}); follow it with: plumb wait ${application} --for synced\n`,
  );
}

/** `plumb rollback APP --to N`. */
export async function rollback(
  context: CommandContext,
  application: string,
  options: { readonly to: number; readonly environment?: string; readonly reason?: string },
): Promise<void> {
  const { to: toVersion, ...rest } = options;
  const result = await context.client().rollback(application, { toVersion, ...rest });
  print(context, result, () =>
    result.releases
      .map(
        ({ environment, version, clusters }) =>
          `${environment}: version ${version} released again to ${clusters.join(', ')}\n`,
      )
      .join(''),
  );
  if (result.outcome === 'Refused')
    throw new CommandError(ExitCode.refused, `${result.reason ?? 'Refused'}: ${result.message ?? ''}`);
  if (result.outcome === 'Pending')
    throw new CommandError(ExitCode.timedOut, 'the request is in the log, but has not been answered in time');
}

/** `plumb suspend|resume APP`. */
export async function pause(
  context: CommandContext,
  verb: 'suspend' | 'resume',
  application: string,
  reason?: string,
): Promise<void> {
  const client = context.client();
  const result = verb === 'suspend' ? await client.suspend(application, reason) : await client.resume(application);
  print(context, result, () => `${application} ${result.action}\n`);
}

/** `plumb refresh REPOSITORY`. */
export async function refresh(context: CommandContext, repository: string): Promise<void> {
  const result = await context.client().refresh(repository);
  print(context, result, () => `${repository} will be fetched now (position ${result.position})\n`);
}

/** `plumb login SERVER`: tries the token and keeps it. */
export async function login(
  context: CommandContext,
  server: string,
  options: { readonly tokenStdin?: boolean },
): Promise<void> {
  const token =
    options.tokenStdin === true
      ? readFileSync(0, 'utf8').trim()
      : (context.options.token ?? context.environment['PLUMBLINE_TOKEN']);
  if (token === undefined || token === '')
    throw new CommandError(
      ExitCode.usage,
      'give the token on standard input (--token-stdin), with --token, or in PLUMBLINE_TOKEN',
    );
  const client = (await import('@plumbline/api-client')).PlumblineClient;
  const who = await new client({ server, token, userAgent: 'plumb' }).whoAmI();
  const path = writeProfile(context.environment, { server, token });
  print(context, who, () => `signed in to ${server} as ${who.name} (${who.role}); kept in ${path}\n`);
}

/** `plumb version`. */
export async function version(context: CommandContext, options: { readonly client?: boolean }): Promise<void> {
  const packageFile: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const client =
    typeof packageFile === 'object' && packageFile !== null && 'version' in packageFile
      ? String(packageFile.version)
      : 'unknown';
  if (options.client === true) {
    print(context, { client }, () => `client ${client}\n`);
    return;
  }
  const server = await context.client().version();
  print(context, { client, server }, () => `client ${client}\nserver ${server.version}\n`);
}
