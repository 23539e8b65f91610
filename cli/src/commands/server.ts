// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { CommandContext } from '../context.js';
import { CommandError, ExitCode } from '../exit-code.js';
import { defaultDataDir } from '../profile.config.js';

/** Options of `plumb up`. */
export interface UpOptions {
  readonly dataDir?: string;
  readonly listen: string;
  readonly grpc: string;
}

/** `plumb up`: all services in one process of their own, with an embedded database, until interrupted. */
export function up(context: CommandContext, options: UpOptions): Promise<number> {
  const dataDir = options.dataDir ?? defaultDataDir(context.environment);
  return runProgram(context, '@plumbline/standalone/main', [], {
    PLUMBLINE_DATA_DIR: dataDir,
    PLUMBLINE_GATEWAY_LISTEN: options.listen,
    PLUMBLINE_GATEWAY_GRPC_LISTEN: options.grpc,
  });
}

/** `plumb demo`: the story of one change, played on a server of its own. */
export function demo(
  context: CommandContext,
  options: {
    readonly exit?: boolean;
    readonly context?: string;
    readonly kubeconfig?: string;
    readonly dataDir?: string;
  },
): Promise<number> {
  const args = [
    ...(options.exit === true ? ['--exit'] : []),
    ...(options.context === undefined ? [] : ['--context', options.context]),
    ...(options.kubeconfig === undefined ? [] : ['--kubeconfig', options.kubeconfig]),
    ...(options.dataDir === undefined ? [] : ['--data-dir', options.dataDir]),
  ];
  return runProgram(context, '@plumbline/demo/main', args, {});
}

/**
 * On machines with much memory Node gives its young generation 130 MB: 16 MB in place of 64 saves a hundred of them and costs no time (1,000 applications). With four
 * threads for the collector, which is what Node takes on any machine, it fights over two cores with PostgreSQL: one thread halves the slowest appends.
 */
const NODE_ARGS = ['--enable-source-maps', '--max-semi-space-size=16', '--v8-pool-size=1'];

/** The server is a program of its own: the CLI stays small and starts fast, and a signal reaches it as it would anywhere. */
function runProgram(
  context: CommandContext,
  specifier: string,
  args: readonly string[],
  settings: Readonly<Record<string, string>>,
): Promise<number> {
  const path = programPath(specifier);
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...NODE_ARGS, path, ...args], {
      stdio: 'inherit',
      env: { ...context.environment, ...settings },
    });
    const pass = (signal: NodeJS.Signals) => (): void => void child.kill(signal);
    const onInterrupt = pass('SIGINT');
    const onTerminate = pass('SIGTERM');
    process.on('SIGINT', onInterrupt).on('SIGTERM', onTerminate);
    child.once('error', reject);
    child.once('exit', (code) => {
      process.off('SIGINT', onInterrupt).off('SIGTERM', onTerminate);
      resolve(code ?? ExitCode.failed);
    });
  });
}

function programPath(specifier: string): string {
  try {
    const path = fileURLToPath(import.meta.resolve(specifier));
    if (existsSync(path)) return path;
  } catch {
    // Told below.
  }
  throw new CommandError(
    ExitCode.failed,
    `this installation has no server (${specifier}): install the whole of Plumbline, or build it with "npm run build"`,
  );
}
