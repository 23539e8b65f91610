// SPDX-License-Identifier: Apache-2.0
import type { LoggerService } from '@nestjs/common';
import type { Logger } from './logger.js';

/**
 * Nest's log, in ours. Its chatter is hidden unless wanted; its errors also count, because Nest only logs what fails
 * while it stops.
 */
export class NestLog implements LoggerService {
  readonly #logger: Logger;
  readonly #chatter: boolean;

  #errors = 0;

  constructor(logger: Logger, chatter: boolean) {
    this.#logger = logger;
    this.#chatter = chatter;
  }

  /** Errors that Nest reported so far. */
  get errors(): number {
    return this.#errors;
  }

  log(message: unknown): void {
    if (this.#chatter) this.#logger.debug(textOf(message));
  }

  debug(message: unknown): void {
    if (this.#chatter) this.#logger.debug(textOf(message));
  }

  verbose(message: unknown): void {
    this.debug(message);
  }

  warn(message: unknown): void {
    this.#logger.warn(textOf(message));
  }

  error(message: unknown, ...rest: readonly unknown[]): void {
    this.#errors += 1;
    const stack = rest.find((part): part is string => typeof part === 'string' && part.includes('\n'));
    this.#logger.error(textOf(message), stack === undefined ? {} : { stack });
  }

  fatal(message: unknown, ...rest: readonly unknown[]): void {
    this.error(message, ...rest);
  }
}

function textOf(message: unknown): string {
  if (message instanceof Error) return message.stack ?? message.message;
  return typeof message === 'string' ? message : JSON.stringify(message);
}
