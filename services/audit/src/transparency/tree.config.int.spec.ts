// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { generateSigningKeyPem, pemSigner } from '@plumbline/merkle';
import { afterAll, describe, expect, it } from 'vitest';
import { treeConfig } from './tree.config.js';

const dir = mkdtempSync(path.join(tmpdir(), 'plumbline-tree-config-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const pem = generateSigningKeyPem();
const keyFile = path.join(dir, 'log.key');
writeFileSync(keyFile, pem);
const witness = pemSigner(generateSigningKeyPem(), 'witness.test', 'cosignature').key.text;
const former = pemSigner(generateSigningKeyPem(), 'log.example.com/prod').key.text;
const code = (expected: string): unknown => expect.objectContaining({ code: expected });

describe('the settings of the tree', () => {
  it('sign with nothing when nothing is given', () => {
    expect(treeConfig({})).toMatchObject({ signer: undefined, witnesses: [], anchor: undefined });
  });

  it('name the log after its key, always the same, unless it has a name', () => {
    const first = treeConfig({ PLUMBLINE_LOG_SIGNING_KEY_FILE: keyFile });
    expect(first.origin).toMatch(/^plumbline\.local\/[0-9a-f]{16}$/);
    expect(treeConfig({ PLUMBLINE_LOG_SIGNING_KEY_FILE: keyFile }).signer?.key.text).toBe(first.signer?.key.text);
    const named = treeConfig({ PLUMBLINE_LOG_SIGNING_KEY_FILE: keyFile, PLUMBLINE_LOG_ORIGIN: 'log.example.com/prod' });
    expect(named.signer?.key.text).toBe(pemSigner(pem, 'log.example.com/prod').key.text);
  });

  it('take witnesses, former keys and an anchor', () => {
    const config = treeConfig({
      PLUMBLINE_LOG_SIGNING_KEY_FILE: keyFile,
      PLUMBLINE_AUDIT_WITNESSES: `${witness} https://w1.example.com/, ${witness} http://127.0.0.1:7075`,
      PLUMBLINE_LOG_FORMER_KEYS: former,
      PLUMBLINE_AUDIT_ANCHOR_URL: 'https://git.example.com/checkpoints.git',
      PLUMBLINE_AUDIT_ANCHOR_MINUTES: '5',
      PLUMBLINE_DATA_DIR: '/data',
    });
    expect(config.witnesses.map(({ url }) => url)).toEqual(['https://w1.example.com', 'http://127.0.0.1:7075']);
    expect(config.formerKeys.map(({ text }) => text)).toEqual([former]);
    expect(config.anchor).toMatchObject({ everyMs: 300_000, writer: { root: '/data/anchor', branch: 'checkpoints' } });
  });

  it.each([
    ['an origin with a scheme', { PLUMBLINE_LOG_ORIGIN: 'https://log.example.com' }, 'PLB-1901'],
    ['a key file that is not there', { PLUMBLINE_LOG_SIGNING_KEY_FILE: '/nowhere/log.key' }, 'PLB-1902'],
    ['a witness without a URL', { PLUMBLINE_AUDIT_WITNESSES: witness }, 'PLB-1160'],
    ['a witness with the key of a log', { PLUMBLINE_AUDIT_WITNESSES: `${former} https://w1.example.com` }, 'PLB-1160'],
    [
      'a witness whose key was cut off',
      { PLUMBLINE_AUDIT_WITNESSES: `${witness.slice(0, -3)} https://w1.example.com` },
      'PLB-1163',
    ],
    ['a former key that is not one', { PLUMBLINE_LOG_FORMER_KEYS: 'nonsense' }, 'PLB-1163'],
  ])('refuse %s', (_what, source, expected) => {
    expect(() => treeConfig(source)).toThrow(code(expected));
  });
});
