// SPDX-License-Identifier: Apache-2.0
import { UpstreamError } from '@plumbline/core';
import { apiErrorFrom, type KubeApiError, KubeTransportError } from '@plumbline/kube';
import { describe, expect, it } from 'vitest';
import { failureOf, withRetries } from './failure.js';

const subject = { verb: 'apply', group: 'apps', kind: 'Deployment', namespace: 'web', name: 'shop' };
function refusal(status: number, body: object = {}, headers: Readonly<Record<string, string>> = {}): KubeApiError {
  return apiErrorFrom(subject, { status, headers, text: JSON.stringify(body) });
}

describe('the class of a failure', () => {
  it.each<[string, unknown, string, boolean]>([
    [
      'a policy',
      refusal(422, {
        reason: 'Invalid',
        message: "ValidatingAdmissionPolicy 'no' with binding 'no' denied request: no",
      }),
      'AdmissionDenied',
      false,
    ],
    [
      'a webhook',
      refusal(403, { reason: 'Forbidden', message: 'admission webhook "check.example.com" denied the request: no' }),
      'AdmissionDenied',
      false,
    ],
    [
      'a quota',
      refusal(403, {
        reason: 'Forbidden',
        message: 'configmaps "x" is forbidden: exceeded quota: small, requested: 1',
      }),
      'QuotaExceeded',
      true,
    ],
    [
      'missing rights',
      refusal(403, {
        reason: 'Forbidden',
        message: 'User "x" cannot patch resource "deployments" in API group "apps"',
      }),
      'Forbidden',
      true,
    ],
    [
      'an immutable field',
      refusal(422, {
        reason: 'Invalid',
        details: {
          causes: [
            { reason: 'FieldValueInvalid', field: 'spec.selector', message: 'Invalid value: x: field is immutable' },
          ],
        },
      }),
      'ImmutableField',
      false,
    ],
    [
      'a wrong object',
      refusal(422, { reason: 'Invalid', message: 'spec.replicas: must not be negative' }),
      'InvalidObject',
      false,
    ],
    [
      'a field that the schema does not have',
      refusal(500, {
        message:
          'failed to create typed patch object (web/shop; apps/v1, Kind=Deployment): .spec.replica: field not declared in schema',
      }),
      'InvalidObject',
      false,
    ],
    ['a fault of the server', refusal(500, { message: 'etcdserver: leader changed' }), 'ServerError', true],
    ['too many requests', refusal(429), 'TooManyRequests', true],
    ['an object that is too large', refusal(413), 'TooLarge', false],
    ['a stale version', refusal(409, { reason: 'Conflict' }), 'Conflict', true],
    ['no answer', new KubeTransportError('PLB-6120', 'no answer'), 'ClusterUnreachable', true],
    [
      'a wrong seal key',
      new UpstreamError('PLB-6401', 'cannot be unsealed', { retry: 'never' }),
      'CannotUnseal',
      false,
    ],
  ])('is told for %s', (_, error, reason, retryable) => {
    expect(failureOf(error)).toMatchObject({ reason, retryable });
  });

  it('says when a write may have had its effect', () => {
    expect(failureOf(new KubeTransportError('PLB-6120', 'no answer')).uncertain).toBe(true);
    expect(failureOf(refusal(500, { message: 'etcdserver: request timed out' })).uncertain).toBe(true);
    expect(failureOf(refusal(422, { reason: 'Invalid' })).uncertain).toBe(false);
  });
});

describe('withRetries', () => {
  const failing = (
    errors: readonly unknown[],
  ): { readonly calls: () => number; readonly request: () => Promise<string> } => {
    let calls = 0;
    return {
      calls: () => calls,
      request: async () => {
        const error = errors[calls];
        calls += 1;
        await Promise.resolve();
        if (error !== undefined) throw error as Error;
        return 'done';
      },
    };
  };

  it('retries a throttled request, and once a request that met a concurrent write', async () => {
    const throttled = failing([refusal(429), refusal(429), refusal(503, {}, { 'retry-after': '1' })]);
    expect(await withRetries(throttled.request)).toBe('done');
    const raced = failing([refusal(409, { reason: 'Conflict' })]);
    expect(await withRetries(raced.request)).toBe('done');
  });

  it('stops after five attempts, and does not retry a request that cannot succeed', async () => {
    const throttledAgain = failing(Array.from({ length: 20 }, () => refusal(429)));
    await expect(withRetries(throttledAgain.request)).rejects.toMatchObject({ status: 429 });
    expect(throttledAgain.calls()).toBe(5);
    const wrong = failing([refusal(422, { reason: 'Invalid' })]);
    await expect(withRetries(wrong.request)).rejects.toMatchObject({ status: 422 });
    expect(wrong.calls()).toBe(1);
  });
});
