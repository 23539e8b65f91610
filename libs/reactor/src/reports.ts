// SPDX-License-Identifier: Apache-2.0

/** Where a reactor reports whether it can work; the `Readiness` of the platform is one. */
export interface ReadinessReport {
  report(part: string, ready: boolean, detail?: string): void;
}

type Fields = Readonly<Record<string, unknown>>;

/** The log lines of a reactor; the `Logger` of the platform is one. */
export interface ReactorLogger {
  error(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
}
