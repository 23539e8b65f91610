// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync } from 'node:crypto';
import { InputError } from '@plumbline/core';
import { describe, expect, it } from 'vitest';
import {
  generateReleaseKeys,
  keyIdOf,
  parseReleaseSigningKey,
  parseReleaseVerifyKey,
  type ReleaseStatement,
  releaseText,
  signRelease,
  verifyRelease,
} from './release.js';

const statement: ReleaseStatement = {
  application: 'default/web',
  environment: 'staging',
  version: 4,
  renderDigest: `sha256:${'a'.repeat(64)}`,
  clusters: ['b', 'a'],
  generation: 7,
  releaseId: 'r-1',
};
const pems = generateReleaseKeys();
const privateKey = parseReleaseSigningKey(pems.privateKeyPem);
const publicKey = parseReleaseVerifyKey(pems.publicKeyPem);

describe('a signed release', () => {
  it('has one text, whatever the order of its clusters and whatever else the object carries', () => {
    expect(releaseText({ ...statement, clusters: ['a', 'b'], extra: 1 } as ReleaseStatement)).toBe(
      releaseText(statement),
    );
    expect(releaseText(statement)).toBe(
      `{"application":"default/web","clusters":["a","b"],"environment":"staging","generation":7,"releaseId":"r-1","renderDigest":"sha256:${'a'.repeat(64)}","type":"plumbline.dev/release/v1","version":4}`,
    );
  });

  it('is accepted with the key that signed it', () => {
    const signature = signRelease(statement, privateKey);
    expect(signature.keyId).toBe(keyIdOf(publicKey));
    expect(signature.keyId).toMatch(/^[0-9a-f]{16}$/);
    expect(
      verifyRelease(statement, signature, [parseReleaseVerifyKey(generateReleaseKeys().publicKeyPem), publicKey]),
    ).toBe(true);
  });

  it.each<Partial<ReleaseStatement>>([
    { application: 'default/other' },
    { environment: 'production' },
    { version: 5 },
    { renderDigest: `sha256:${'b'.repeat(64)}` },
    { clusters: ['a'] },
    { clusters: ['a', 'b', 'c'] },
    { generation: 8 },
    { releaseId: 'r-2' },
  ])('is refused after a change of %o', (change) => {
    expect(verifyRelease({ ...statement, ...change }, signRelease(statement, privateKey), [publicKey])).toBe(false);
  });

  it('is refused with a foreign key, also under our key id', () => {
    const foreign = parseReleaseSigningKey(generateReleaseKeys().privateKeyPem);
    const signature = signRelease(statement, foreign);
    expect(verifyRelease(statement, signature, [publicKey])).toBe(false);
    expect(verifyRelease(statement, { ...signature, keyId: keyIdOf(publicKey) }, [publicKey])).toBe(false);
    expect(verifyRelease(statement, { keyId: keyIdOf(publicKey), signature: '' }, [publicKey])).toBe(false);
  });

  it('takes Ed25519 keys only', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    expect(() => parseReleaseSigningKey(rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())).toThrow(
      InputError,
    );
    expect(() => parseReleaseVerifyKey('not a key')).toThrow(InputError);
  });
});
