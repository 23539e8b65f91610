// SPDX-License-Identifier: Apache-2.0
import { InputError, messageOf, PlumblineError } from '@plumbline/core';
import { startHost } from './host.js';
import type { Host, HostOptions } from './host.js';
import { withoutUserinfo } from './logger.js';
import { platformConfig, processConfigSource } from './platform.config.js';

/** A start that failed, for the person at the terminal or in the pod's log. */
export function describeFatal(name: string, error: unknown): string {
  const code = error instanceof PlumblineError ? `${error.code} ` : '';
  const lines = [`plumbline ${name} cannot run: ${code}${withoutUserinfo(messageOf(error))}`];
  if (error instanceof InputError && Array.isArray(error.details['issues'])) {
    for (const issue of error.details['issues'] as readonly { path: string; message: string }[]) lines.push(`  ${issue.path}: ${issue.message}`);
  }
  for (let cause = error instanceof Error ? error.cause : undefined; cause instanceof Error; cause = cause.cause) {
    lines.push(`  because: ${withoutUserinfo(cause.message)}`);
  }
  if (!(error instanceof PlumblineError) && error instanceof Error && error.stack !== undefined) lines.push(withoutUserinfo(error.stack));
  return `${lines.join('\n')}\n`;
}

function stopOnSignals(host: Host, timeoutMs: number): void {
  let stopping = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    // Who asks twice does not want to wait.
    if (stopping) process.exit(130);
    stopping = true;
    host.logger.info('stopping', { signal });
    const timer = setTimeout(() => {
      host.logger.error('the process did not stop in time; work that was under way is taken up again at the next start', { timeoutMs });
      process.exit(1);
    }, timeoutMs);
    void host.stop().then((failures) => {
      clearTimeout(timer);
      for (const failure of failures) host.logger.error('something did not stop cleanly', { message: failure });
      host.logger.info('stopped');
      process.exit(failures.length === 0 ? 0 : 1);
    });
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

/** Runs a service as a process of its own until a signal stops it: the whole of a `main.ts`. */
export async function runService(options: HostOptions): Promise<void> {
  try {
    const source = options.source ?? processConfigSource();
    const { shutdownTimeoutMs } = platformConfig(source);
    const interrupted = (): never => process.exit(130);
    process.once('SIGTERM', interrupted).once('SIGINT', interrupted);
    const host = await startHost({ ...options, source });
    process.off('SIGTERM', interrupted).off('SIGINT', interrupted);
    process.on('unhandledRejection', (reason) => {
      host.logger.error('a failure that nobody handled ends the process', { error: messageOf(reason), stack: reason instanceof Error ? reason.stack : undefined });
      process.exit(1);
    });
    stopOnSignals(host, shutdownTimeoutMs);
  } catch (error) {
    process.stderr.write(describeFatal(options.name, error));
    process.exit(1);
  }
}
