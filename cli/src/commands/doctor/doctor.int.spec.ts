// SPDX-License-Identifier: Apache-2.0
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isolatedDatabase } from '@plumbline/testkit';
import { describeWith } from '@plumbline/testkit/vitest';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { ExitCode } from '../../exit-code.js';
import { runPlumb } from './run-plumb.fixture.js';
import type { Finding } from './doctor.js';

interface Outcome {
  readonly code: number;
  readonly findings: ReadonlyMap<string, Finding>;
}

async function doctor(...args: readonly string[]): Promise<Outcome> {
  const { code, out } = await runPlumb('doctor', '-o', 'json', ...args);
  const findings = JSON.parse(out) as readonly Finding[];
  return { code, findings: new Map(findings.map((finding) => [finding.check, finding])) };
}

async function sql(url: string, ...statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

function as(url: string, role: string): string {
  const parsed = new URL(url);
  parsed.username = role;
  parsed.password = 'x';
  return parsed.href;
}

describeWith('postgres:embedded18', 'plumb doctor on databases', () => {
  it('fails while one role serves both or another role may use the log, and passes when the roles are separate', async () => {
    // Roles belong to the whole server.
    await using database = await isolatedDatabase();
    await sql(
      database.url,
      "create role audit login password 'x'",
      "create role objects login password 'x'",
      `grant create on database ${database.name} to audit, objects`,
    );
    const [log, objects] = [as(database.url, 'audit'), as(database.url, 'objects')];
    const before = await doctor('--log-database', log, '--object-store', objects);
    expect(before.findings.get('log database: access of other roles')?.result).toBe('NotChecked');
    await sql(log, 'create schema ledger');

    const shared = await doctor('--log-database', log, '--object-store', log);
    expect(shared.code).toBe(ExitCode.failed);
    expect(shared.findings.get('separate roles')?.result).toBe('Failed');
    expect(shared.findings.get('object store: no access to the log')?.result).toBe('Failed');

    const separate = await doctor('--log-database', log, '--object-store', objects);
    expect(separate.code).toBe(ExitCode.done);
    for (const check of ['separate roles', 'object store: no access to the log', 'log database: access of other roles'])
      expect([check, separate.findings.get(check)?.result]).toEqual([check, 'Ok']);

    await sql(log, 'grant usage on schema ledger to objects');
    const granted = await doctor('--log-database', log, '--object-store', objects);
    expect(granted.code).toBe(ExitCode.failed);
    expect(granted.findings.get('log database: access of other roles')?.message).toContain('"objects"');

    const superuser = await doctor('--log-database', database.url);
    expect(superuser.findings.get('log database: role')?.result).toBe('Failed');
    expect(superuser.findings.get('object store')?.result).toBe('NotChecked');
  });

  it('fails for a database that does not answer, without its password', async () => {
    const { code, findings } = await doctor('--log-database', 'postgres://audit:hunter2@127.0.0.1:1/x');
    expect(code).toBe(ExitCode.failed);
    expect(findings.get('log database')?.result).toBe('Failed');
    expect(JSON.stringify([...findings])).not.toContain('hunter2');
  });
});

describe('plumb doctor on key files', () => {
  it('accepts what keygen wrote and names files that are readable by others, mixed up or of another installation', async () => {
    const root = mkdtempSync(join(tmpdir(), 'plumb-doctor-'));
    try {
      const [dir, other] = [join(root, 'keys'), join(root, 'other')];
      for (const path of [dir, other]) expect((await runPlumb('keygen', '--dir', path)).code).toBe(0);
      const good = await doctor('--keys', dir);
      expect(good.code).toBe(ExitCode.done);
      expect(
        [...good.findings.values()].filter(({ check, result }) => result !== 'Ok' && !/database|store/.test(check)),
      ).toEqual([]);

      chmodSync(join(dir, 'log.key'), 0o644);
      copyFileSync(join(dir, 'gateway.credential'), join(dir, 'watcher.credential'));
      copyFileSync(join(other, 'policy.credential'), join(dir, 'policy.credential'));
      copyFileSync(join(other, 'release.pub'), join(dir, 'release.pub'));
      copyFileSync(join(other, 'log.crt'), join(dir, 'log.crt'));
      const bad = await doctor('--keys', dir);
      expect(bad.code).toBe(ExitCode.failed);
      for (const check of [
        'key files: access',
        'key files: release',
        'credential of watcher',
        'credential of policy',
        'certificate of the log',
      ])
        expect([check, bad.findings.get(check)?.result]).toEqual([check, 'Failed']);
      expect(bad.findings.get('credential of gateway')?.result).toBe('Ok');
    } finally {
      rmSync(root, { recursive: true });
    }
  });

  it('accepts a new credential of keygen, and fails once it has expired', async () => {
    const dir = join(mkdtempSync(join(tmpdir(), 'plumb-doctor-')), 'keys');
    try {
      await runPlumb('keygen', '--dir', dir);
      expect((await runPlumb('keygen', '--dir', dir, '--service', 'watcher')).code).toBe(ExitCode.refused);
      rmSync(join(dir, 'watcher.credential'));
      expect((await runPlumb('keygen', '--dir', dir, '--service', 'audit')).code).toBe(ExitCode.usage);
      expect((await runPlumb('keygen', '--dir', dir, '--service', 'watcher', '--valid-for', '1x')).code).toBe(
        ExitCode.usage,
      );
      expect((await runPlumb('keygen', '--dir', dir, '--service', 'watcher', '--valid-for', '1ms')).code).toBe(0);
      const { findings } = await doctor('--keys', dir);
      expect(findings.get('credential of watcher')).toMatchObject({
        result: 'Failed',
        message: expect.stringContaining('expired at'),
      });
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it('is a usage error when nothing is given', async () => {
    expect((await runPlumb('doctor')).code).toBe(ExitCode.usage);
  });
});
