// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { bareEnvironment } from './topology.config.js';
import type { Topology } from './topology.js';

const PLUMB = fileURLToPath(new URL('../../cli/bin/plumb.js', import.meta.url));

/** How a command ended. */
export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs `plumb` as a program does: a process with a server and a token in its environment, and nobody to ask. */
export async function plumb({ topology }: { readonly topology: Topology }, ...args: readonly string[]): Promise<Ended> {
  const env = bareEnvironment(topology.dataDir, { PLUMBLINE_SERVER: topology.url, PLUMBLINE_TOKEN: topology.token });
  const child = spawn(process.execPath, [PLUMB, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, out, err };
}
