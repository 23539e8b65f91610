// SPDX-License-Identifier: Apache-2.0
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { EVENT_LOG, type EventLog, LOG_TREE, type LogTree } from '@plumbline/event-log';
import { sampleAppend } from '@plumbline/event-log/testing';
import { startHost } from '@plumbline/platform';
import { generateSigningKeyPem, openCheckpoint, parseVerifierKey, pemSigner } from '@plumbline/merkle';
import { sharedDatabase, tempDir } from '@plumbline/testkit';
import { expect, it } from 'vitest';
import { silent } from '../audit.fixture.js';
import { AuditModule } from '../index.js';
import { until } from './tree.fixture.js';

it('as a process signs with the key of its file, and tells what waits for a witness', async () => {
  await using database = await sharedDatabase();
  await using dir = await tempDir('audit-keys');
  const keyFile = path.join(dir.path, 'log.key');
  await writeFile(keyFile, generateSigningKeyPem(), { mode: 0o600 });
  const witness = pemSigner(generateSigningKeyPem(), 'witness.test', 'cosignature').key.text;
  const source = {
    PLUMBLINE_LOG_URL: database.url,
    PLUMBLINE_OBJECT_STORE_URL: database.url,
    PLUMBLINE_DATA_DIR: dir.path,
    PLUMBLINE_LOG_SIGNING_KEY_FILE: keyFile,
    PLUMBLINE_LOG_ORIGIN: 'log.example.com/prod',
    PLUMBLINE_AUDIT_WITNESSES: `${witness} http://127.0.0.1:1`,
  };
  await using host = await startHost({ module: AuditModule, name: 'audit', source, logger: silent });
  const [log, tree] = [
    host.app.get<EventLog>(EVENT_LOG, { strict: false }),
    host.app.get<LogTree>(LOG_TREE, { strict: false }),
  ];
  await log.append(sampleAppend('project-web'));
  const { origin, verifierKey = '', witnessKeys } = await tree.identity();
  expect([origin, witnessKeys]).toEqual(['log.example.com/prod', [witness]]);
  expect(openCheckpoint(await tree.checkpoint({ minSize: 1 }), parseVerifierKey(verifierKey)).size).toBe(1);
  const metrics = async (): Promise<string> => (await fetch(`${host.endpoints.get('health') ?? ''}/metrics`)).text();
  await until('the metrics tell', async () =>
    /^plumbline_log_witness_age_seconds\{[^}]*witness="witness\.test"[^}]*\} (?!0$)/m.test(await metrics()),
  );
  expect(await metrics()).toMatch(/^plumbline_log_signed_size.* 1$/m);
  expect(await metrics()).toMatch(/^plumbline_log_refused.* 0$/m);
  expect(await host.stop()).toEqual([]);
});
