// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ConflictError } from '@plumbline/core';

const SETTLE_MS = 30;

interface Holder {
  readonly pid: number;
  /** When the process started: numbers are given again, and in a container ours is always the same. */
  readonly startedAt: string;
  readonly nonce: string;
}

/** Start time of a process that is alive, in whatever words the system has for it; undefined when there is none. */
function startTimeOf(pid: number): string | undefined {
  try {
    if (process.platform !== 'linux')
      return execFileSync('ps', ['-p', String(pid), '-o', 'lstart='], { encoding: 'utf8' }).trim() || undefined;
    // The name in parentheses may hold anything; the start time is the twentieth field after it.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    if (fields[0] === 'Z') return undefined;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${fields[19] ?? ''}`;
  } catch {
    return undefined;
  }
}

function read(file: string): Holder | undefined {
  try {
    const json = JSON.parse(readFileSync(file, 'utf8')) as Partial<Holder>;
    return typeof json.pid === 'number' && typeof json.startedAt === 'string' && typeof json.nonce === 'string'
      ? { pid: json.pid, startedAt: json.startedAt, nonce: json.nonce }
      : undefined;
  } catch {
    return undefined;
  }
}

function create(file: string, holder: Holder): boolean {
  try {
    writeFileSync(file, `${JSON.stringify(holder)}\n`, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/** The right to use a data directory. */
export interface InstanceLock {
  release(): void;
}

/**
 * Takes the data directory for this process. A lock that a killed process left behind is recognised and taken over.
 * @throws ConflictError PLB-4901 when another process that lives has it.
 */
export async function lockDataDir(dataDir: string): Promise<InstanceLock> {
  const file = path.join(dataDir, 'plumbline.lock');
  const mine: Holder = { pid: process.pid, startedAt: startTimeOf(process.pid) ?? 'unknown', nonce: randomUUID() };
  for (let attempt = 1; attempt <= 5; attempt += 1) {
    if (create(file, mine)) {
      // Somebody who judged the same leftover may just have moved ours away with it.
      await delay(SETTLE_MS);
      if (read(file)?.nonce === mine.nonce) {
        return {
          release: () => {
            if (read(file)?.nonce === mine.nonce) rmSync(file, { force: true });
          },
        };
      }
      continue;
    }
    const holder = read(file);
    if (holder !== undefined && startTimeOf(holder.pid) === holder.startedAt) {
      throw new ConflictError(
        'PLB-4901',
        `the data directory ${dataDir} is in use by the running process ${holder.pid}: stop it, or give another directory`,
      );
    }
    const leftover = `${file}.${mine.nonce}`;
    try {
      renameSync(file, leftover);
      rmSync(leftover, { force: true });
    } catch {
      // Gone already: somebody else tidies up too.
    }
  }
  throw new ConflictError('PLB-4901', `the data directory ${dataDir} is being taken by several processes at once`);
}
