// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { link, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { OverloadedError } from '@plumbline/core';

const BEAT_MS = 5_000;
const STALE_MS = 30_000;

interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly token: string;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function isStale(file: string): Promise<boolean> {
  const seen = await stat(file).catch(() => undefined);
  if (seen === undefined) return false;
  if (Date.now() - seen.mtimeMs > STALE_MS) return true;
  try {
    const holder = JSON.parse(await readFile(file, 'utf8')) as Holder;
    return holder.host === hostname() && !isAlive(holder.pid);
  } catch {
    return false;
  }
}

/** Removes the lock of a holder that died. A second file ensures that only one process does so at a time. */
async function breakStale(file: string): Promise<void> {
  const breaker = `${file}.break`;
  try {
    await writeFile(breaker, '', { flag: 'wx' });
  } catch {
    const seen = await stat(breaker).catch(() => undefined);
    if (seen !== undefined && Date.now() - seen.mtimeMs > STALE_MS) await rm(breaker, { force: true });
    return;
  }
  try {
    if (await isStale(file)) await rm(file, { force: true });
  } finally {
    await rm(breaker, { force: true });
  }
}

const queues = new Map<string, Promise<unknown>>();

async function withFile<Result>(file: string, waitMs: number, run: () => Promise<Result>): Promise<Result> {
  const token = randomUUID();
  const own = `${file}.${token}`;
  await writeFile(own, JSON.stringify({ pid: process.pid, host: hostname(), token } satisfies Holder), { mode: 0o600 });
  const deadline = Date.now() + waitMs;
  try {
    for (;;) {
      // link() is atomic and keeps the content, unlike create and write.
      const taken = await link(own, file).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'EEXIST') return false;
          throw error;
        },
      );
      if (taken) break;
      if (await isStale(file)) await breakStale(file);
      if (Date.now() > deadline)
        throw new OverloadedError(
          'PLB-5301',
          `the mirror ${path.basename(file, '.lock')} is locked by another process; retry in a second`,
          1_000,
        );
      await delay(20);
    }
    const beat = setInterval(() => void utimes(file, new Date(), new Date()).catch(() => undefined), BEAT_MS);
    beat.unref();
    try {
      return await run();
    } finally {
      clearInterval(beat);
      await rm(file, { force: true });
    }
  } finally {
    await rm(own, { force: true });
  }
}

/**
 * Runs while it holds the lock of a mirror, against other callers in this process and other processes on this machine.
 * Takes over the lock of a process that was killed. @throws OverloadedError PLB-5301 after `waitMs`.
 */
export async function withMirrorLock<Result>(
  file: string,
  waitMs: number,
  run: () => Promise<Result>,
): Promise<Result> {
  const before = queues.get(file) ?? Promise.resolve();
  const turn = before.then(() => withFile(file, waitMs, run));
  const settled = turn.catch(() => undefined);
  queues.set(file, settled);
  try {
    return await turn;
  } finally {
    if (queues.get(file) === settled) queues.delete(file);
  }
}
