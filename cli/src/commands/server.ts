// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { CommandContext } from '../context.js';
import { CommandError, ExitCode } from '../exit-code.js';
import { defaultDataDir, setEnvironment } from '../profile.config.js';

/** Options of `plumb up`. */
export interface UpOptions {
  readonly dataDir?: string;
  readonly listen: string;
  readonly grpc: string;
  readonly healthListen?: string;
}

/** `plumb up`: this process becomes the server with all services and an embedded database, until a signal ends it. */
export function up(context: CommandContext, options: UpOptions): Promise<number> {
  const dataDir = options.dataDir ?? defaultDataDir(context.environment);
  return becomeProgram(context, '@plumbline/standalone/main', [], {
    PLUMBLINE_DATA_DIR: dataDir,
    PLUMBLINE_GATEWAY_LISTEN: options.listen,
    PLUMBLINE_GATEWAY_GRPC_LISTEN: options.grpc,
    ...(options.healthListen === undefined ? {} : { PLUMBLINE_HEALTH_LISTEN: options.healthListen }),
  });
}

/** `plumb demo`: this process becomes the demo, which starts a server and simulated clusters. */
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
  return becomeProgram(context, '@plumbline/demo/main', args, {});
}

/**
 * With much memory Node gives its young generation 128 MB: 16 MB instead of 64 per half saves a hundred and costs no
 * time (1,000 applications).
 * With the four collector threads that Node starts on any machine, the collector competes with PostgreSQL on two
 * cores: one thread halves the
 * slowest appends. Both must be arguments: set at run time with `v8.setFlagsFromString`, the young generation still
 * grows to 128 MB (measured
 * on Node 24), and `--v8-pool-size` is read once, when Node starts.
 */
const NODE_ARGS = ['--enable-source-maps', '--max-semi-space-size=16', '--v8-pool-size=1'];

/**
 * Replaces this process by a program of the installation (execve: same process id, no child), or loads the program
 * into this process, without
 * `NODE_ARGS`, where Node cannot do that (Windows, Node before 22.15).
 */
async function becomeProgram(
  context: CommandContext,
  specifier: string,
  args: readonly string[],
  settings: Readonly<Record<string, string>>,
): Promise<number> {
  const path = programPath(specifier);
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...context.environment, ...settings }))
    if (value !== undefined) environment[name] = value;
  if (process.execve !== undefined)
    process.execve(process.execPath, [process.execPath, ...NODE_ARGS, path, ...args], environment);
  process.argv.splice(1, process.argv.length, path, ...args);
  setEnvironment(settings);
  await import(pathToFileURL(path).href);
  return Number(process.exitCode ?? ExitCode.done);
}

function programPath(specifier: string): string {
  try {
    const path = fileURLToPath(import.meta.resolve(specifier));
    if (existsSync(path)) return path;
  } catch {
    // Reported below.
  }
  throw new CommandError(
    ExitCode.failed,
    `this installation has no server (${specifier}): install the whole of Plumbline, or build it with "npm run build"`,
  );
}
