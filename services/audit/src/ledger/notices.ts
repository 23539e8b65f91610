// SPDX-License-Identifier: Apache-2.0

/** Where the log tells what a person may want to know; a service's logger fits. */
export interface Notices {
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** Tells nobody. */
export const silent: Notices = { error: () => undefined, warn: () => undefined, info: () => undefined };
