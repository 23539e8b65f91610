// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
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

/** True when the process is a PostgreSQL on this directory, not another process that got the same number since. */
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
 * Stops the PostgreSQL that outlived a killed parent, and removes a pid file whose number belongs to another process
 * by now.
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
  logger.warn('stopping the database of an earlier run that was killed', { pid });
  process.kill(pid, 'SIGINT');
  if (await gone(pid, FAST_STOP_MS)) return;
  process.kill(pid, 'SIGQUIT');
  if (await gone(pid, IMMEDIATE_STOP_MS)) return;
  throw new UpstreamError(
    'PLB-6910',
    `a PostgreSQL of an earlier run (process ${pid}) on ${dataDir} does not stop: end the process, then start again`,
  );
}

/** Processes whose working directory is in one of the directories; none where the system has no /proc. */
function processesIn(directories: readonly string[]): readonly number[] {
  if (process.platform !== 'linux' || directories.length === 0) return [];
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => {
      try {
        const cwd = readlinkSync(`/proc/${pid}/cwd`);
        return (
          pid !== process.pid && directories.some((directory) => cwd === directory || cwd.startsWith(`${directory}/`))
        );
      } catch {
        return false;
      }
    });
}

/**
 * Removes the unfinished clusters (`<dataDir>.new…`) of runs that were killed while they created one, and ends the
 * initdb that may still write there.
 * MUST only be called by the holder of the data directory's lock.
 */
export async function removeUnfinished(dataDir: string, logger: Logger): Promise<void> {
  const parent = realpathSync(path.dirname(dataDir));
  const prefix = `${path.basename(dataDir)}.new`;
  const unfinished = readdirSync(parent)
    .filter((name) => name.startsWith(prefix))
    .map((name) => path.join(parent, name));
  for (const pid of processesIn(unfinished)) {
    logger.warn('ending the initdb of an earlier run that was killed', { pid });
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended since.
    }
    await gone(pid, IMMEDIATE_STOP_MS);
  }
  for (const directory of unfinished)
    await rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}
