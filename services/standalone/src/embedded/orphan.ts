// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@plumbline/platform';
import { UpstreamError } from '@plumbline/core';

const FAST_STOP_MS = 15_000;
const IMMEDIATE_STOP_MS = 5_000;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** True when the process is a PostgreSQL on this very directory, not somebody who got the number since. */
function isPostmasterOf(pid: number, dataDir: string): boolean {
  try {
    if (process.platform === 'linux') return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(dataDir);
    return execFileSync('ps', ['-p', String(pid), '-o', 'command='], { encoding: 'utf8' }).includes('postgres');
  } catch {
    return false;
  }
}

async function gone(pid: number, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (isAlive(pid)) {
    if (performance.now() > deadline) return false;
    await delay(20);
  }
  return true;
}

/**
 * Stops the PostgreSQL that outlived a killed parent, and removes a pid file that names somebody else by now.
 * MUST only be called by the holder of the data directory's lock.
 */
export async function stopOrphan(dataDir: string, logger: Logger): Promise<void> {
  const pidFile = path.join(dataDir, 'postmaster.pid');
  let pid: number;
  try {
    pid = Number(readFileSync(pidFile, 'utf8').split('\n', 1)[0]);
  } catch {
    return;
  }
  if (!Number.isInteger(pid) || pid <= 1 || !isAlive(pid) || !isPostmasterOf(pid, dataDir)) {
    rmSync(pidFile, { force: true });
    return;
  }
  logger.warn('a database of an earlier run that was killed is still there; stopping it', { pid });
  process.kill(pid, 'SIGINT');
  if (await gone(pid, FAST_STOP_MS)) return;
  process.kill(pid, 'SIGQUIT');
  if (await gone(pid, IMMEDIATE_STOP_MS)) return;
  throw new UpstreamError(
    'PLB-6910',
    `a PostgreSQL of an earlier run (process ${pid}) on ${dataDir} does not stop: stop it by hand`,
  );
}
