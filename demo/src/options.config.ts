// SPDX-License-Identifier: Apache-2.0
import { mkdirSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

/** How the demo is played. */
export interface DemoOptions {
  /** End after the story instead of staying up. */
  readonly exit: boolean;
  /** A kubeconfig context to use instead of two simulated clusters. */
  readonly context: string | undefined;
  readonly kubeconfig: string;
  readonly dataDir: string;
}

/** Reads the command line. */
export function demoOptions(args: readonly string[]): DemoOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      exit: { type: 'boolean', default: false },
      context: { type: 'string' },
      kubeconfig: { type: 'string' },
      'data-dir': { type: 'string' },
    },
  });
  const dataDir = values['data-dir'] ?? join(tmpdir(), `plumbline-demo-${process.pid}`);
  mkdirSync(dataDir, { recursive: true, mode: 0o755 });
  return {
    exit: values.exit,
    context: values.context,
    kubeconfig: values.kubeconfig ?? process.env['KUBECONFIG']?.split(':')[0] ?? join(homedir(), '.kube', 'config'),
    dataDir,
  };
}

/** The environment for child processes. */
export function childEnvironment(settings: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return { ...process.env, ...settings };
}
