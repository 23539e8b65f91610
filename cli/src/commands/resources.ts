// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ResourceInput } from '@plumbline/api-client';
import { messageOf } from '@plumbline/core';
import { parseAllDocuments } from 'yaml';
import { type CommandContext, print } from '../context.js';
import { CommandError, ExitCode } from '../exit-code.js';

/** Options of `plumb apply`. */
export interface ApplyOptions {
  readonly filename: readonly string[];
  readonly prune?: boolean;
  readonly selector?: string;
  readonly dryRun?: boolean;
}

/** `plumb apply -f`: declares resources, all or none, and prints what changed. */
export async function apply(context: CommandContext, options: ApplyOptions): Promise<void> {
  const resources = options.filename.flatMap((path) => readResources(path));
  if (resources.length === 0) throw new CommandError(ExitCode.usage, 'there is no resource in the given files');
  if (options.prune === true && options.selector === undefined)
    throw new CommandError(
      ExitCode.usage,
      '--prune needs --selector LABEL=VALUE: only resources with that label are removed',
    );
  const result = await context.client().apply({
    resources,
    ...(options.prune === true && options.selector !== undefined
      ? { prune: { labelSelector: parseSelector(options.selector) } }
      : {}),
    ...(options.dryRun === true ? { dryRun: true } : {}),
  });
  print(context, result, () =>
    result.resources
      .map(
        ({ kind, id, action, fields }) =>
          `${kind.toLowerCase()}/${id} ${action}${fields.length > 0 ? ` (${fields.join(', ')})` : ''}${result.dryRun ? ' (dry run)' : ''}\n`,
      )
      .join(''),
  );
}

/** `plumb delete KIND NAME`. */
export async function remove(
  context: CommandContext,
  kind: string,
  name: string,
  options: { readonly orphan?: boolean; readonly force?: boolean },
): Promise<void> {
  const client = context.client();
  const deletions: Readonly<Record<string, () => Promise<unknown>>> = {
    project: () => client.deleteProject(name),
    repository: () => client.deleteRepository(name),
    cluster: () => client.deleteCluster(name, { force: options.force === true }),
    subscription: () => client.deleteSubscription(name),
    application: () => client.deleteApplication(name, { mode: options.orphan === true ? 'orphan' : 'delete' }),
  };
  const singular = singularKind(kind);
  const deletion = deletions[singular];
  if (deletion === undefined)
    throw new CommandError(
      ExitCode.usage,
      `cannot delete "${kind}": give application, cluster, repository, project or subscription`,
    );
  const result = await deletion();
  print(
    context,
    result,
    () =>
      `${singular}/${name} removed${singular === 'application' && options.orphan !== true ? '; its objects are being deleted from the clusters' : ''}\n`,
  );
}

/** The singular of a kind as people write it. */
export function singularKind(kind: string): string {
  const aliases: Readonly<Record<string, string>> = {
    app: 'application',
    apps: 'application',
    repo: 'repository',
    repos: 'repository',
    repositories: 'repository',
  };
  const lower = kind.toLowerCase();
  return aliases[lower] ?? lower.replace(/s$/, '');
}

/** Resources in a file, a directory of YAML and JSON files, or standard input (`-`). */
export function readResources(path: string): readonly ResourceInput[] {
  const files =
    path === '-' || statOf(path).isFile()
      ? [path]
      : readdirSync(path)
          .filter((name) => /\.(ya?ml|json)$/.test(name))
          .sort()
          .map((name) => join(path, name));
  return files.flatMap((file) => {
    const text = readFileSync(file === '-' ? 0 : file, 'utf8');
    return parseAllDocuments(text, { version: '1.2', uniqueKeys: true }).flatMap((document, index) => {
      const [error] = document.errors;
      if (error !== undefined) throw new CommandError(ExitCode.usage, `${file}, document ${index}: ${error.message}`);
      const value: unknown = document.toJS();
      if (value === null || value === undefined) return [];
      if (!isResource(value))
        throw new CommandError(
          ExitCode.usage,
          `${file}, document ${index}: a resource needs apiVersion, kind and metadata.name`,
        );
      return [value];
    });
  });
}

function statOf(path: string): ReturnType<typeof statSync> & object {
  try {
    return statSync(path);
  } catch (error) {
    throw new CommandError(ExitCode.usage, `cannot read ${path}: ${messageOf(error)}`);
  }
}

function isResource(value: unknown): value is ResourceInput {
  if (typeof value !== 'object' || value === null) return false;
  const { apiVersion, kind, metadata }: { apiVersion?: unknown; kind?: unknown; metadata?: unknown } = value;
  return (
    typeof apiVersion === 'string' &&
    typeof kind === 'string' &&
    typeof metadata === 'object' &&
    metadata !== null &&
    'name' in metadata
  );
}

/** `key=value,key=value`. */
export function parseSelector(text: string): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  for (const pair of text.split(',')) {
    const equals = pair.indexOf('=');
    if (equals <= 0)
      throw new CommandError(ExitCode.usage, `"${text}" is not a label selector: write KEY=VALUE[,KEY=VALUE]`);
    labels[pair.slice(0, equals).trim()] = pair.slice(equals + 1).trim();
  }
  return labels;
}

/** `plumb token issue NAME`. */
export async function issueToken(
  context: CommandContext,
  name: string,
  options: {
    readonly role: 'viewer' | 'operator' | 'admin';
    readonly email?: readonly string[];
    readonly expiresIn?: string;
  },
): Promise<void> {
  const issued = await context.client().issueToken({
    name,
    role: options.role,
    ...(options.email === undefined ? {} : { emails: options.email }),
    ...(options.expiresIn === undefined ? {} : { expiresIn: options.expiresIn }),
  });
  print(context, issued, () => `${issued.token}\n`);
  if (context.options.output === 'table')
    context.terminal.err(`token "${name}" (${options.role}, id ${issued.item.id}): shown once, keep it now\n`);
}
