// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import {
  generateServicesKeys,
  issueServiceCredential,
  parseServicesPublicKeys,
  ServiceCredentialVerifier,
} from './service-credential.js';

const keys = generateServicesKeys();
const nowMs = Date.parse('2026-05-04T08:00:00Z');
const verifier = (pem = keys.publicKeyPem, revoked: readonly string[] = []): ServiceCredentialVerifier =>
  new ServiceCredentialVerifier(parseServicesPublicKeys(pem), { revoked });
const rejectedAs = (text: string): object =>
  expect.objectContaining({ code: 'PLB-2102', message: expect.stringContaining(text) });

describe('a service credential', () => {
  it('states the service for which it was issued', () => {
    const text = issueServiceCredential(keys.privateKeyPem, { service: 'watcher', nowMs });
    expect(verifier().verify(text, nowMs)).toMatchObject({ service: 'watcher', issuedAt: '2026-05-04T08:00:00.000Z' });
  });

  it('is rejected when its statement is replaced, also by one that another credential carries', () => {
    const watcher = issueServiceCredential(keys.privateKeyPem, { service: 'watcher', nowMs }).split('.');
    const gateway = issueServiceCredential(keys.privateKeyPem, { service: 'gateway', nowMs }).split('.');
    expect(() => verifier().verify([watcher[0], gateway[1], watcher[2]].join('.'), nowMs)).toThrow(
      rejectedAs('is not signed'),
    );
    const forged = Buffer.from(JSON.stringify({ service: 'gateway', id: 'x', issuedAt: '2026-05-04T08:00:00Z' }));
    expect(() => verifier().verify(`${watcher[0]}.${forged.toString('base64url')}.${watcher[2]}`, nowMs)).toThrow(
      rejectedAs('is not signed'),
    );
  });

  it('is rejected in every other spelling', () => {
    const text = issueServiceCredential(keys.privateKeyPem, { service: 'watcher', nowMs });
    for (const other of [
      `${text}!`,
      `${text}=`,
      ` ${text}`,
      `${text}\n`,
      text.replace('.', '..'),
      `${text.slice(0, -1)}`,
    ])
      expect(() => verifier().verify(other, nowMs)).toThrow(rejectedAs('is not a service credential'));
  });

  it('is rejected when another installation signed it', () => {
    const other = issueServiceCredential(generateServicesKeys().privateKeyPem, { service: 'gateway', nowMs });
    expect(() => verifier().verify(other, nowMs)).toThrow(rejectedAs('is not signed'));
  });

  it.each(['', 'x', 'plumbline-service-v1', 'plumbline-service-v1..', 'Bearer secret', 'a.b.c.d'])(
    'is rejected as "%s"',
    (text) => {
      expect(() => verifier().verify(text, nowMs)).toThrow(
        expect.objectContaining({ code: 'PLB-2102', httpStatus: 401 }),
      );
    },
  );

  it('expires on the call after its time, also when it was verified before', () => {
    const text = issueServiceCredential(keys.privateKeyPem, { service: 'applier', nowMs, validForMs: 1_000 });
    const one = verifier();
    expect(one.verify(text, nowMs + 999).service).toBe('applier');
    expect(() => one.verify(text, nowMs + 1_000)).toThrow(rejectedAs('expired at'));
  });

  it('is rejected once its id is revoked', () => {
    const text = issueServiceCredential(keys.privateKeyPem, { service: 'policy', nowMs });
    const { id } = verifier().verify(text, nowMs);
    expect(() => verifier(keys.publicKeyPem, [id]).verify(text, nowMs)).toThrow(rejectedAs('is revoked'));
  });

  it('is accepted under each of several public keys, while the signing key is replaced', () => {
    const next = generateServicesKeys();
    const both = verifier(`${keys.publicKeyPem}\n${next.publicKeyPem}`);
    for (const pair of [keys, next])
      expect(
        both.verify(issueServiceCredential(pair.privateKeyPem, { service: 'renderer', nowMs }), nowMs).service,
      ).toBe('renderer');
  });

  it('cannot be verified with a file that holds no key', () => {
    expect(() => parseServicesPublicKeys('no key')).toThrow(expect.objectContaining({ code: 'PLB-1907' }));
    expect(() => parseServicesPublicKeys(keys.privateKeyPem)).toThrow(expect.objectContaining({ code: 'PLB-1907' }));
  });
});
