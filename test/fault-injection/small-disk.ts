// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { chownSync, statSync, writeSync, closeSync, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { tempDir } from '@plumbline/testkit';
import pg from 'pg';

/** A disk for the events of the log that can be filled up. */
export interface SmallDisk extends AsyncDisposable {
  fill(): void;
  free(): Promise<void>;
}

const SIZE_MB = 256;

async function statement(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

/**
 * Moves the events of the log to a file system of their own, in memory; undefined, with the reason printed, where
 * none can be mounted.
 * The write-ahead log stays where it is: PostgreSQL stops as a whole when that has no room, which is another fault.
 */
export async function mountSmallDisk(url: string, serverDir: string): Promise<SmallDisk | undefined> {
  const dir = await tempDir('small-disk');
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_MB}m,mode=0777`, 'tmpfs', dir.path], { stdio: 'pipe' });
  } catch (error) {
    process.stderr.write(
      `SKIPPED: the fault "disk full" needs root to mount a small file system: ${error instanceof Error ? error.message : String(error)}\n`,
    );
    await dir[Symbol.asyncDispose]();
    return undefined;
  }
  const location = path.join(dir.path, 'space');
  execFileSync('mkdir', ['-m', '0700', location]);
  const { uid, gid } = statSync(serverDir);
  chownSync(location, uid, gid);
  await statement(url, `create tablespace small location '${location}'`);
  // A database that is copied moves nothing by itself: the partition in use and its indexes go one by one.
  await statement(
    url,
    `do $$
    declare part record;
    begin
      alter table ledger.event_p00000000 set tablespace small;
      for part in select indexrelid::regclass::text as name from pg_index where indrelid = 'ledger.event_p00000000'::regclass loop
        execute format('alter index %s set tablespace small', part.name);
      end loop;
    end $$`,
  );
  const ballast = path.join(dir.path, 'ballast');
  return {
    fill: () => {
      const file = openSync(ballast, 'w');
      const block = Buffer.alloc(64 * 1024);
      try {
        for (;;) writeSync(file, block);
      } catch {
        // Full: that is the point.
      } finally {
        closeSync(file);
      }
    },
    free: async () => rm(ballast, { force: true }),
    [Symbol.asyncDispose]: async () => {
      // The server is gone by now, so nothing is open on it.
      execFileSync('umount', ['-l', dir.path], { stdio: 'pipe' });
      await dir[Symbol.asyncDispose]();
    },
  };
}
