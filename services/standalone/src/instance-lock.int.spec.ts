// SPDX-License-Identifier: Apache-2.0
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { tempDir } from '@plumbline/testkit';
import { expect, it } from 'vitest';
import { lockDataDir } from './instance-lock.js';

it('gives a data directory to one process only, and tells which', async () => {
  await using dir = await tempDir('lock');
  const lock = await lockDataDir(dir.path);
  await expect(lockDataDir(dir.path)).rejects.toMatchObject({
    code: 'PLB-4901',
    message: expect.stringContaining(String(process.pid)) as unknown,
  });
  lock.release();
  (await lockDataDir(dir.path)).release();
});

it('gives it to exactly one of many that come at once', async () => {
  await using dir = await tempDir('lock');
  const results = await Promise.allSettled(Array.from({ length: 8 }, async () => lockDataDir(dir.path)));
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

it('takes over what a killed process left behind, even when its number was given to another', async () => {
  await using dir = await tempDir('lock');
  const file = path.join(dir.path, 'plumbline.lock');
  writeFileSync(file, JSON.stringify({ pid: process.pid, startedAt: 'an earlier life', nonce: 'x' }));
  const lock = await lockDataDir(dir.path);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ pid: process.pid });
  lock.release();
});

it('takes over a lock that was cut short while it was written', async () => {
  await using dir = await tempDir('lock');
  writeFileSync(path.join(dir.path, 'plumbline.lock'), '{"pid": 1');
  (await lockDataDir(dir.path)).release();
});
