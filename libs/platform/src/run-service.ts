// SPDX-License-Identifier: Apache-2.0
import { InputError, messageOf, PlumblineError } from '@plumbline/core';
import { type HostOptions, startHost } from './host.js';
import { type Logger, withoutUserinfo } from './logger.js';
import { platformConfig, processConfigSource } from './platform.config.js';

/** A second signal this soon is the same one: a terminal sends it to the whole group, and a parent passes it on. */
const SAME_SIGNAL_MS = 1_000;

/** A start that failed, for the person at the terminal or in the pod's log. */
export function describeFatal(name: string, error: unknown): string {
  const code = error instanceof PlumblineError ? `${error.code} ` : '';
  const lines = [`plumbline ${name} cannot run: ${code}${withoutUserinfo(messageOf(error))}`];
  if (error instanceof InputError && Array.isArray(error.details['issues'])) {
    for (const issue of error.details['issues'] as readonly { path: string; message: string }[])
      lines.push(`  ${issue.path}: ${issue.message}`);
  }
  for (let cause = error instanceof Error ? error.cause : undefined; cause instanceof Error; cause = cause.cause) {
    lines.push(`  because: ${withoutUserinfo(cause.message)}`);
  }
  if (!(error instanceof PlumblineError) && error instanceof Error && error.stack !== undefined)
    lines.push(withoutUserinfo(error.stack));
  return `${lines.join('\n')}\n`;
}

/** What a process runs. */
export interface Stoppable {
  readonly logger: Logger;
  /** Stops orderly; the messages of what went wrong. */
  stop(): Promise<readonly string[]>;
}

/** How {@link runProcess} runs it. */
export interface ProcessOptions<Running extends Stoppable> {
  readonly name: string;
  readonly start: () => Promise<Running>;
  readonly stopTimeoutMs: number;
}

function stopOnSignals(running: Stoppable, timeoutMs: number): void {
  let askedAtMs: number | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (askedAtMs !== undefined) {
      // Who asks twice does not want to wait.
      if (performance.now() - askedAtMs > SAME_SIGNAL_MS) process.exit(130);
      return;
    }
    askedAtMs = performance.now();
    running.logger.info('stopping', { signal });
    setTimeout(() => {
      running.logger.error(
        'the process did not stop in time; work that was under way is taken up again at the next start',
        { timeoutMs },
      );
      process.exit(1);
    }, timeoutMs).unref();
    void running.stop().then((failures) => {
      for (const failure of failures) running.logger.error('something did not stop cleanly', { message: failure });
      running.logger.info('stopped');
      process.exit(failures.length === 0 ? 0 : 1);
    });
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
}

/**
 * Starts something and keeps the process until a signal stops it. A start that fails is told on standard error and
 * exits with 1;
 * so does a failure that nobody handled. The exit code is 0 only when everything stopped cleanly.
 */
export async function runProcess<Running extends Stoppable>(options: ProcessOptions<Running>): Promise<Running> {
  try {
    // Nothing to drain yet: what was begun is taken up again at the next start.
    const interrupted = (): never => process.exit(130);
    process.once('SIGTERM', interrupted).once('SIGINT', interrupted);
    const running = await options.start();
    process.off('SIGTERM', interrupted).off('SIGINT', interrupted);
    process.on('unhandledRejection', (reason) => {
      running.logger.error('a failure that nobody handled ends the process', {
        error: messageOf(reason),
        stack: reason instanceof Error ? reason.stack : undefined,
      });
      process.exit(1);
    });
    stopOnSignals(running, options.stopTimeoutMs);
    return running;
  } catch (error) {
    process.stderr.write(describeFatal(options.name, error));
    process.exit(1);
  }
}

/** Runs a service as a process of its own until a signal stops it: the whole of a `main.ts`. */
export async function runService(options: HostOptions): Promise<void> {
  await runProcess({
    name: options.name,
    stopTimeoutMs: shutdownTimeoutMs(options),
    start: async () => startHost(options),
  });
}

function shutdownTimeoutMs(options: HostOptions): number {
  try {
    return platformConfig(options.source ?? processConfigSource()).shutdownTimeoutMs;
  } catch {
    // The start reads the same configuration and tells what is wrong with it.
    return 1_000;
  }
}
