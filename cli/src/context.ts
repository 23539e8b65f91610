// SPDX-License-Identifier: Apache-2.0
import { LogClient, PlumblineClient } from '@plumbline/api-client';
import { stringify } from 'yaml';
import type { Terminal } from './output/terminal.js';
import { type Environment, type Profile, resolveProfile } from './profile.config.js';

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
  /** The log of the same server. */
  log(): LogClient;
  nowMs(): number;
  /** Asks the user a question; absent without a terminal. */
  readonly ask?: (question: string) => Promise<string>;
  /** Ends long work when the user interrupts. */
  readonly signal: AbortSignal;
}

/** Makes a context. */
export function commandContext(parts: Omit<CommandContext, 'client' | 'log'>): CommandContext {
  const profile = (): Profile => {
    const { server, token } = parts.options;
    return resolveProfile(parts.environment, {
      ...(server === undefined ? {} : { server }),
      ...(token === undefined ? {} : { token }),
    });
  };
  return {
    ...parts,
    client: () => new PlumblineClient({ ...profile(), userAgent: 'plumb' }),
    log: () => new LogClient({ ...profile(), userAgent: 'plumb' }),
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
