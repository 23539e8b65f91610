// SPDX-License-Identifier: Apache-2.0
import { type DestinationStream, pino } from 'pino';

/**
 * Facts of a log line. Common names: stream, position, application, environment, cluster, correlationId, causationId,
 * errorCode.
 */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * Structured log, one line per outcome. `error`: a person must act now; `warn`: healed itself or will be tried again;
 * `info`: a state changed; `debug`: detail. Log digests and names, never contents.
 */
export interface Logger {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  /** The same log with fields added to every line. */
  child(fields: LogFields): Logger;
}

/** Levels that can be asked for, quietest first. */
export const LogLevel = ['silent', 'error', 'warn', 'info', 'debug'] as const;
/** One of {@link LogLevel}. */
export type LogLevel = (typeof LogLevel)[number];

/** How a log is made. */
export interface LoggerOptions {
  readonly service: string;
  readonly level: LogLevel;
  /** Where lines go; standard error when absent, because standard output belongs to the command that was run. */
  readonly destination?: DestinationStream;
}

/** The last line of defence: nothing with these names should reach a log call in the first place. */
const SECRET_KEYS = [
  'password',
  'token',
  'secret',
  'authorization',
  'privateKey',
  'credentials',
  'kubeconfig',
  'cookie',
];
const USERINFO = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi;

/** The text without the user and password part of any URL in it. */
export function withoutUserinfo(text: string): string {
  return text.replaceAll(USERINFO, '$1***@');
}

function cleaned(fields: LogFields): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields))
    result[key] = typeof value === 'string' ? withoutUserinfo(value) : value;
  return result;
}

class PinoLogger implements Logger {
  readonly #pino: pino.Logger;

  constructor(pino: pino.Logger) {
    this.#pino = pino;
  }

  error(message: string, fields: LogFields = {}): void {
    this.#pino.error(cleaned(fields), withoutUserinfo(message));
  }

  warn(message: string, fields: LogFields = {}): void {
    this.#pino.warn(cleaned(fields), withoutUserinfo(message));
  }

  info(message: string, fields: LogFields = {}): void {
    this.#pino.info(cleaned(fields), withoutUserinfo(message));
  }

  debug(message: string, fields: LogFields = {}): void {
    this.#pino.debug(cleaned(fields), withoutUserinfo(message));
  }

  child(fields: LogFields): Logger {
    return new PinoLogger(this.#pino.child(cleaned(fields)));
  }
}

/** A log that writes one JSON object per line, with secrets and URL passwords blotted out. */
export function createLogger(options: LoggerOptions): Logger {
  const destination = options.destination ?? pino.destination({ dest: 2, sync: true });
  return new PinoLogger(
    pino(
      {
        level: options.level,
        base: { service: options.service },
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
        redact: { paths: SECRET_KEYS.flatMap((key) => [key, `*.${key}`]), censor: '***' },
      },
      destination,
    ),
  );
}
