// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import type { FactoryProvider, InjectionToken } from '@nestjs/common';
import { InputError, messageOf } from '@plumbline/core';
import { issuesOf } from '@plumbline/events';
import { z } from 'zod';
import { CONFIG_SOURCE, type ConfigSource } from './tokens.js';

/**
 * Parses a configuration. The keys of the schema are the names in the environment (`PLUMBLINE_<AREA>_<KEY>`); an
 * empty value counts as absent.
 * @throws InputError PLB-1901 with every mistake in `details.issues`; values are never repeated, they may be secrets.
 */
export function loadConfig<Schema extends z.ZodObject>(schema: Schema, source: ConfigSource): z.output<Schema> {
  const given: Record<string, string> = {};
  for (const key of Object.keys(schema.shape)) {
    const value = source[key];
    if (value !== undefined && value !== '') given[key] = value;
  }
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const issues = issuesOf(result.error).map((issue) => ({
    path: issue.path,
    message: given[issue.path] === undefined ? 'is required and not set' : issue.message,
  }));
  throw new InputError(
    'PLB-1901',
    `the configuration is wrong: ${issues.map((issue) => `${issue.path}: ${issue.message}`).join('; ')}`,
    { issues },
  );
}

/**
 * A Nest provider of a module's configuration: `configProvider(WATCHER_CONFIG, schema, (env) => ({ pollMs:
 * env.PLUMBLINE_WATCHER_… }))`.
 */
export function configProvider<Schema extends z.ZodObject, Config>(
  provide: InjectionToken,
  schema: Schema,
  compile: (values: z.output<Schema>) => Config,
): FactoryProvider<Config> {
  return {
    provide,
    inject: [CONFIG_SOURCE],
    useFactory: (source: ConfigSource) => compile(loadConfig(schema, source)),
  };
}

/** `true`, `false`, `1`, `0`, `yes`, `no`, `on`, `off`. */
export const booleanSetting = z.stringbool();

/** `HOST:PORT`, an IPv6 host in brackets; port 0 takes a free one. */
export const listenAddress = z.string().regex(/^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$/, 'must be HOST:PORT');

/** Splits what {@link listenAddress} accepted. */
export function parseListen(listen: string): { readonly host: string; readonly port: number } {
  const colon = listen.lastIndexOf(':');
  return { host: listen.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(listen.slice(colon + 1)) };
}

/**
 * A secret given as itself or by the file that holds it (one trailing newline is dropped); undefined when neither is
 * given.
 * @throws InputError PLB-1902 when the file cannot be read or is empty.
 */
export function secretFrom(
  name: string,
  given: { readonly value?: string | undefined; readonly file?: string | undefined },
): string | undefined {
  if (given.file === undefined) return given.value;
  let text: string;
  try {
    text = readFileSync(given.file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new InputError('PLB-1902', `${name}: the file ${given.file} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
  if (text === '') throw new InputError('PLB-1902', `${name}: the file ${given.file} is empty`);
  return text;
}
