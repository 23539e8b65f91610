// SPDX-License-Identifier: Apache-2.0
// A lock file, so that two runs on one machine do not build the same thing at once.
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';

const HEARTBEAT_MS = 5_000;
const STALE_MS = 60_000;

function isAbandoned(file) {
  let holder;
  let ageMs;
  try {
    holder = JSON.parse(readFileSync(file, 'utf8'));
    ageMs = Date.now() - statSync(file).mtimeMs;
  } catch (error) {
    // Gone meanwhile, or half written: look again.
    return error instanceof SyntaxError && Date.now() - statSync(file).mtimeMs > STALE_MS;
  }
  if (ageMs > STALE_MS) return true;
  if (holder.host !== hostname()) return false;
  try {
    process.kill(holder.pid, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

function tryAcquire(file) {
  try {
    writeFileSync(file, JSON.stringify({ pid: process.pid, host: hostname() }), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  try {
    if (!isAbandoned(file)) return false;
    // Moved aside, not removed: of two waiters that see the same abandoned lock only one moves it.
    const aside = `${file}.abandoned-${process.pid}`;
    renameSync(file, aside);
    rmSync(aside, { force: true });
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  return false;
}

/** Runs `work` while holding `file`; waits for another holder and says so. */
export async function withLock(file, work, log) {
  mkdirSync(path.dirname(file), { recursive: true });
  let waited = 0;
  while (!tryAcquire(file)) {
    if (waited % 30 === 0) log(`another run is preparing the servers (${file}), waiting (${waited} s)`);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    waited += 1;
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    try {
      utimesSync(file, now, now);
    } catch {
      // Somebody took the lock for abandoned (a suspended machine); the renames stay atomic.
    }
  }, HEARTBEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    rmSync(file, { force: true });
  }
}
