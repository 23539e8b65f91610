// SPDX-License-Identifier: Apache-2.0
import { PlumblineClient } from '@plumbline/api-client';
import { stringify } from 'yaml';
import type { Terminal } from './output/terminal.js';
import { resolveProfile } from './profile.config.js';
import type { Environment } from './profile.config.js';

/** Output formats of reading verbs. */
export const OutputFormat = ['table', 'wide', 'json', 'yaml'] as const;
/** One of {@link OutputFormat}. */
export type OutputFormat = (typeof OutputFormat)[number];

/** Options that every command takes. */
export interface GlobalOptions {
  readonly server?: string;
  readonly token?: string;
  readonly output: OutputFormat;
}

/** What a command works with. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly environment: Environment;
  readonly options: GlobalOptions;
  /** The server as flags, environment and profile say. */
  client(): PlumblineClient;
  nowMs(): number;
  /** Ends long work when the user interrupts. */
  readonly signal: AbortSignal;
}

/** Makes a context. */
export function commandContext(parts: Omit<CommandContext, 'client'>): CommandContext {
  return {
    ...parts,
    client: () => {
      const { server, token } = parts.options;
      const profile = resolveProfile(parts.environment, { ...(server === undefined ? {} : { server }), ...(token === undefined ? {} : { token }) });
      return new PlumblineClient({ ...profile, userAgent: 'plumb' });
    },
  };
}

/** Prints a value as JSON or YAML if that was asked for; else calls `asText`. */
export function print(context: CommandContext, value: unknown, asText: (wide: boolean) => string): void {
  switch (context.options.output) {
    case 'json':
      context.terminal.out(`${JSON.stringify(value, undefined, 2)}\n`);
      return;
    case 'yaml':
      context.terminal.out(stringify(value, { aliasDuplicateObjects: false }));
      return;
    case 'table':
    case 'wide':
      context.terminal.out(asText(context.options.output === 'wide'));
  }
}
