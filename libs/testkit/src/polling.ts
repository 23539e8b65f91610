// SPDX-License-Identifier: Apache-2.0

/**
 * Time limit of a condition that a test waits for. The condition normally holds within milliseconds; only a test that
 * fails waits as long, so the limit allows for a machine that is 20 times slower than usual.
 */
export const WAIT_LIMIT_MS = 120_000;

/** How to wait for a condition. */
export interface WaitUntilOptions {
  /** Default {@link WAIT_LIMIT_MS}. */
  readonly limitMs?: number;
  /** Default 20. */
  readonly intervalMs?: number;
  /** Returns text that is added to the error, for example the last events. */
  readonly describe?: () => string | Promise<string>;
}

/** Resolves after the interval, or earlier when one of the promises resolves. Only for loops that check a condition. */
export async function pollInterval(intervalMs: number, ...wakers: readonly Promise<unknown>[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const interval = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, intervalMs);
  });
  await Promise.race([interval, ...wakers]).finally(() => clearTimeout(timer));
}

/**
 * Returns the first result of the check that is neither undefined nor false. A check that throws counts as not yet.
 * Rejects after the limit with what was awaited; the last error of the check is the cause.
 */
export async function waitUntil<Result>(
  what: string,
  check: () => Result | undefined | false | Promise<Result | undefined | false>,
  options: WaitUntilOptions = {},
): Promise<Result> {
  const { limitMs = WAIT_LIMIT_MS, intervalMs = 20, describe } = options;
  const deadlineMs = performance.now() + limitMs;
  for (;;) {
    let cause: unknown;
    try {
      const result = await check();
      if (result !== undefined && result !== false) return result;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= deadlineMs) {
      const detail = describe === undefined ? '' : `\n${await describe()}`;
      throw new Error(`${what}: not within ${limitMs} ms${detail}`, { cause });
    }
    await pollInterval(intervalMs);
  }
}
