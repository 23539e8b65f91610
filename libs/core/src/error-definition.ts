// SPDX-License-Identifier: Apache-2.0

/** Kinds of errors. Each has a class in `errors.ts` and a range of codes. */
export const ErrorKind = ['input', 'auth', 'not-found', 'conflict', 'overloaded', 'upstream', 'internal'] as const;
/** One of {@link ErrorKind}. */
export type ErrorKind = (typeof ErrorKind)[number];

/**
 * What a caller may do after an error: nothing, reload its state first, or send the same request again after a delay.
 */
export type RetryAdvice = 'never' | 'after-reload' | 'after-delay';

/** What a code means. Texts are shown in the reference of errors, in the OpenAPI document and by the CLI. */
export interface ErrorDefinition<Code extends string = string, Kind extends ErrorKind = ErrorKind> {
  readonly code: Code;
  readonly kind: Kind;
  /** The error in a few words, without a full stop: `the application does not exist`. */
  readonly title: string;
  /** When the error is raised, in whole sentences. */
  readonly meaning: string;
  /** What the user or the operator can do, in whole sentences. */
  readonly remedy: string;
  /** Retry advice, if all errors with the code have another one than their kind. */
  readonly retry?: RetryAdvice;
  /** HTTP status, if it is not the one of the kind. */
  readonly status?: number;
  /** Value of `reason` in events and conditions that report this error, one CamelCase word. */
  readonly reason?: string;
}

/**
 * Defines a code once. A code keeps its meaning permanently: new meanings get new codes, and codes of removed errors
 * are not reused.
 */
export function defineError<const Code extends `PLB-${number}`, const Kind extends ErrorKind>(
  code: Code,
  definition: Omit<ErrorDefinition<Code, Kind>, 'code'>,
): ErrorDefinition<Code, Kind> {
  return { code, ...definition };
}
