// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryEventLog } from '@plumbline/event-log/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clientOf, startGateway } from '../testing/gateway.fixture.js';
import { newToken } from './tokens.js';

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'plumbline-bootstrap-'))));
afterEach(() => rm(folder, { recursive: true }));

const issuedIn = async (log: MemoryEventLog): Promise<number> =>
  (await log.read({ from: 0, types: ['TokenIssued'] })).events.length;

describe('the first start', () => {
  it('issues one admin token, announces it once, and writes it to the file for its owner only', async () => {
    const file = join(folder, 'admin.token');
    const log = new MemoryEventLog();
    await using first = await startGateway({ log, source: { PLUMBLINE_GATEWAY_BOOTSTRAP_TOKEN_FILE: file } });
    expect((await readFile(file, 'utf8')).trim()).toBe(first.adminToken);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(first.announced).toHaveLength(1);
    await using second = await startGateway({ log, source: { PLUMBLINE_GATEWAY_BOOTSTRAP_TOKEN_FILE: file } });
    expect(second.announced).toEqual([]);
    expect(await issuedIn(log)).toBe(1);
    expect(await clientOf(second, first.adminToken).whoAmI()).toMatchObject({ role: 'admin' });
  });

  it('of two gateways at once issues one token', async () => {
    const log = new MemoryEventLog();
    const started = await Promise.all([startGateway({ log }), startGateway({ log })]);
    const announced = started.flatMap((gateway) => gateway.announced);
    expect(announced).toHaveLength(1);
    expect(await issuedIn(log)).toBe(1);
    for (const gateway of started) await gateway[Symbol.asyncDispose]();
  });

  it('uses the token that is in the file already, so that a crash in between loses nothing', async () => {
    const file = join(folder, 'admin.token');
    const token = newToken();
    await writeFile(file, token);
    await using gateway = await startGateway({ source: { PLUMBLINE_GATEWAY_BOOTSTRAP_TOKEN_FILE: file } });
    expect(gateway.adminToken).toBe(token);
  });

  it('does not start over a file that holds something else', async () => {
    const file = join(folder, 'admin.token');
    await writeFile(file, 'my shopping list');
    await expect(startGateway({ source: { PLUMBLINE_GATEWAY_BOOTSTRAP_TOKEN_FILE: file } })).rejects.toMatchObject({
      code: 'PLB-1710',
    });
  });
});

describe('a token', () => {
  it('ends when it expires', async () => {
    let nowMs = Date.now();
    await using gateway = await startGateway({ clock: { nowMs: () => nowMs } });
    const admin = clientOf(gateway);
    const { token, item } = await admin.issueToken({
      name: 'ci',
      role: 'operator',
      emails: ['ci@example.com'],
      expiresIn: '1h',
    });
    expect(item).toMatchObject({
      name: 'ci',
      role: 'operator',
      emails: ['ci@example.com'],
      expiresAt: new Date(nowMs + 3_600_000).toISOString(),
    });
    expect(JSON.stringify(item)).not.toContain('sha256');
    const own = clientOf(gateway, token);
    await own.whoAmI();
    nowMs += 3_600_000;
    await expect(own.whoAmI()).rejects.toMatchObject({ code: 'PLB-2002', httpStatus: 401 });
  });
});

describe('a canary', () => {
  it('planted as a token appears in no answer, event, log line or error', async () => {
    await using gateway = await startGateway();
    const admin = clientOf(gateway);
    const { token, item } = await admin.issueToken({ name: 'canary', role: 'admin' });
    const own = clientOf(gateway, token);
    const seen: unknown[] = [await own.whoAmI(), await own.tokens(), await own.events(), await own.audit()];
    const wrong = `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`;
    const paths = [
      `/api/v1/applications/${token}/${token}`,
      `/api/v1/tokens?cursor=${token}&bogus=${token}`,
      `/${token}`,
      `/api/v1/events?after=${token}`,
    ];
    for (const path of paths) {
      for (const presented of [token, wrong]) {
        const response = await fetch(gateway.url + path, { headers: { authorization: `Bearer ${presented}` } });
        // What the caller itself wrote into the path may come back to the caller; the header may not.
        const shown = (await response.text()).replaceAll(token, path.includes(token) ? '' : token);
        seen.push(shown, Object.fromEntries(response.headers));
      }
    }
    await admin.revokeToken(item.id);
    seen.push(
      await own
        .whoAmI()
        .catch((error: unknown) => ({ ...(error as Error), message: String(error), stack: (error as Error).stack })),
    );
    seen.push(
      gateway.logLines,
      gateway.announced.map((line) => line.replace(gateway.adminToken, '')),
    );
    seen.push((await gateway.log.read({ from: 0 })).events);
    const text = JSON.stringify(seen);
    for (const secret of [token, wrong, gateway.adminToken]) expect(text).not.toContain(secret);
    const hashes = JSON.stringify([await admin.events(), await admin.audit(), await admin.tokens()]);
    expect(hashes).not.toContain('"hash"');
  });
});
