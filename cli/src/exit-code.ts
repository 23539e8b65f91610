// SPDX-License-Identifier: Apache-2.0
import { ApiError } from '@plumbline/api-client';
import { PlumblineError } from '@plumbline/core';
import { CommanderError } from 'commander';

/** What the exit status of `plumb` means. */
export const ExitCode = { done: 0, failed: 1, usage: 2, notFound: 3, timedOut: 4, refused: 5 } as const;
/** One of {@link ExitCode}. */
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** Ends a command with a message and an exit status. */
export class CommandError extends Error {
  constructor(
    readonly exitCode: ExitCode,
    message: string,
  ) {
    super(message);
    this.name = 'CommandError';
  }
}

/** The exit status for anything that a command threw. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CommandError) return error.exitCode;
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.done : ExitCode.usage;
  if (error instanceof ApiError) {
    if (error.httpStatus === 404) return ExitCode.notFound;
    if (error.httpStatus === 401 || error.httpStatus === 403 || error.httpStatus === 409) return ExitCode.refused;
    if (error.httpStatus === 504) return ExitCode.timedOut;
    return error.httpStatus === 400 || error.httpStatus === 413 || error.httpStatus === 422
      ? ExitCode.usage
      : ExitCode.failed;
  }
  if (error instanceof PlumblineError && error.code.startsWith('PLB-1')) return ExitCode.usage;
  return ExitCode.failed;
}

/** What to tell the user: the message, each mistake on its own line, the code. */
export function explain(error: unknown): string {
  if (!(error instanceof PlumblineError)) return error instanceof Error ? error.message : String(error);
  const issues = Array.isArray(error.details['issues']) ? error.details['issues'] : [];
  const lines = issues.filter(isIssue).map(({ path, message }) => `  ${path === '' ? '' : `${path}: `}${message}`);
  const instance = error instanceof ApiError && error.instance !== undefined ? `, instance ${error.instance}` : '';
  return [`${error.message} (${error.code}${instance})`, ...lines].join('\n');
}

function isIssue(value: unknown): value is { readonly path: string; readonly message: string } {
  return typeof value === 'object' && value !== null && 'path' in value && 'message' in value;
}
