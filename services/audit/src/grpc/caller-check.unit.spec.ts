// SPDX-License-Identifier: Apache-2.0
import { Metadata } from '@grpc/grpc-js';
import {
  generateServicesKeys,
  issueServiceCredential,
  parseServicesPublicKeys,
  ServiceCredentialVerifier,
  ServiceName,
} from '@plumbline/events';
import { describe, expect, it } from 'vitest';
import { appendOf, CallerCheck } from './caller-check.js';

const keys = generateServicesKeys();
const nowMs = Date.parse('2026-05-04T08:00:00Z');
const check = new CallerCheck({
  verifier: new ServiceCredentialVerifier(parseServicesPublicKeys(keys.publicKeyPem)),
  clock: { nowMs: () => nowMs },
});
const APPEND = '/plumbline.internal.v1.Log/Append';

function metadata(value?: string): Metadata {
  const result = new Metadata();
  if (value !== undefined) result.set('authorization', value);
  return result;
}

const of = (service: ServiceName): Metadata =>
  metadata(`Bearer ${issueServiceCredential(keys.privateKeyPem, { service, nowMs })}`);

describe('the caller of the log', () => {
  it('is the service of the credential', () => {
    for (const service of ServiceName) expect(check.check(of(service), APPEND).service).toBe(service);
  });

  it.each([undefined, '', 'Bearer', 'Bearer ', 'Bearer x', 'Basic eDp5'])(
    'is rejected with the authorization %j',
    (value) => {
      expect(() => check.check(metadata(value), APPEND)).toThrow(expect.objectContaining({ code: 'PLB-2102' }));
    },
  );

  it('may read and append whatever service it is, and administer only as the gateway', () => {
    for (const path of ['Append', 'AppendMany', 'Head', 'Read', 'ReadStream'])
      expect(check.check(of('watcher'), `/plumbline.internal.v1.Log/${path}`).service).toBe('watcher');
    for (const path of [
      '/plumbline.internal.v1.LogUpkeep/ErasePerson',
      '/plumbline.internal.v1.Log/Audit',
      '/plumbline.internal.v1.LogTree/Checkpoint',
      '/plumbline.internal.v1.Log/ANewMethod',
    ]) {
      expect(check.check(of('gateway'), path).service).toBe('gateway');
      for (const service of ['watcher', 'renderer', 'policy', 'applier'] as const)
        expect(() => check.check(of(service), path)).toThrow(expect.objectContaining({ code: 'PLB-2104' }));
    }
  });

  it('appends as itself, whatever the request names', () => {
    const request = (service: string): Parameters<typeof appendOf>[1] => ({
      requestId: 'r',
      actor: { kind: 'service', id: 'x', name: 'x' },
      service,
      causationId: undefined,
      correlationId: undefined,
      items: [],
    });
    expect(appendOf({ service: 'policy' }, request('')).service).toBe('policy');
    expect(appendOf({ service: 'policy' }, request('policy')).service).toBe('policy');
    expect(() => appendOf({ service: 'renderer' }, request('policy'))).toThrow(
      expect.objectContaining({ code: 'PLB-2104' }),
    );
  });
});
