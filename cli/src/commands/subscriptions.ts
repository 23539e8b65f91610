// SPDX-License-Identifier: Apache-2.0
import { ApplicationId } from '@plumbline/core';
import { type CommandContext, print } from '../context.js';
import { CommandError, ExitCode } from '../exit-code.js';

/** Options of `plumb subscription declare`. */
export interface SubscriptionOptions {
  readonly url: string;
  readonly secretFile?: string;
  readonly secretEnv?: string;
  readonly after?: number;
  readonly paused?: boolean;
  readonly type?: readonly string[];
  readonly application?: string;
  readonly project?: string;
  readonly environment?: string;
  readonly cluster?: string;
  readonly actor?: string;
  readonly maxAttempts?: number;
  readonly timeout?: string;
}

/** `plumb subscription declare NAME`. */
export async function declareSubscription(
  context: CommandContext,
  name: string,
  options: SubscriptionOptions,
): Promise<void> {
  const { type, application, project, environment, cluster, actor, ...given } = options;
  if ((options.secretFile === undefined) === (options.secretEnv === undefined))
    throw new CommandError(ExitCode.usage, 'give the secret by exactly one of --secret-file and --secret-env');
  const where = Object.entries({ project, environment, cluster, actor }).filter(([, value]) => value !== undefined);
  const filter = {
    ...Object.fromEntries(where),
    ...(type === undefined ? {} : { types: type }),
    ...(application === undefined ? {} : { application: ApplicationId.parse(application) }),
  };
  const result = await context.client().declareSubscription({ name, spec: { ...given, filter } });
  print(context, result, () => `subscription/${name} ${result.action}\n`);
}

/** `plumb subscription delete NAME`. */
export async function deleteSubscription(context: CommandContext, name: string): Promise<void> {
  const result = await context.client().deleteSubscription(name);
  print(context, result, () => `subscription/${name} removed\n`);
}

/** `plumb subscription replay NAME --after POSITION`. */
export async function replaySubscription(
  context: CommandContext,
  name: string,
  options: { readonly after: number },
): Promise<void> {
  const result = await context.client().replaySubscription(name, options.after);
  print(context, result, () => `everything after position ${options.after} is delivered again\n`);
}
