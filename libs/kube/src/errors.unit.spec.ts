// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import {
  apiErrorFrom,
  isAdmissionDenial,
  isAlreadyExists,
  isConflict,
  isFieldManagerConflict,
  isForbidden,
  isGone,
  isImmutable,
  isInvalid,
  isNotFound,
  isTooManyRequests,
  type KubeApiError,
  transportError,
} from './errors.js';

const subject = { verb: 'apply', group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'web', cluster: 'prod' };
const secret = { verb: 'apply', group: '', kind: 'Secret', namespace: 'shop', name: 'db', cluster: 'prod' };

function refused(
  status: number,
  body: object | string,
  of = subject,
  headers: Record<string, string> = {},
): KubeApiError {
  return apiErrorFrom(of, { status, headers, text: typeof body === 'string' ? body : JSON.stringify(body) });
}

describe('a refusal of the API server', () => {
  it('says what was asked, of which object, on which cluster, and why', () => {
    expect(refused(422, { reason: 'Invalid', message: 'spec.replicas: must not be negative' }).message).toBe(
      'the API server refused to apply Deployment.apps shop/web on cluster prod (HTTP 422 Invalid): spec.replicas: must not be negative',
    );
  });

  // Bodies as kube-apiserver 1.35 sends them.
  const cases: [string, KubeApiError, (error: unknown) => boolean, string, string][] = [
    ['not found', refused(404, { reason: 'NotFound' }), isNotFound, 'PLB-6101', 'never'],
    ['stale version', refused(409, { reason: 'Conflict' }), isConflict, 'PLB-6102', 'after-reload'],
    ['exists', refused(409, { reason: 'AlreadyExists' }), isAlreadyExists, 'PLB-6104', 'after-reload'],
    ['invalid', refused(422, { reason: 'Invalid' }), isInvalid, 'PLB-6105', 'never'],
    [
      'forbidden',
      refused(403, {
        reason: 'Forbidden',
        message: 'deployments.apps is forbidden: User "x" cannot patch resource "deployments" in API group "apps"',
      }),
      isForbidden,
      'PLB-6107',
      'never',
    ],
    [
      'unauthorized',
      refused(401, { reason: 'Unauthorized' }),
      (error) => !isForbidden(error),
      'PLB-6108',
      'after-delay',
    ],
    ['too many', refused(429, { reason: 'TooManyRequests' }), isTooManyRequests, 'PLB-6109', 'after-delay'],
    ['gone', refused(410, { reason: 'Expired' }), isGone, 'PLB-6110', 'after-reload'],
    ['too large', refused(413, { reason: 'RequestEntityTooLarge' }), (error) => !isInvalid(error), 'PLB-6111', 'never'],
    [
      'a webhook that is down',
      refused(500, { reason: 'InternalError', message: 'failed calling webhook "x"' }),
      (error) => !isInvalid(error),
      'PLB-6112',
      'after-delay',
    ],
    ['unavailable', refused(503, 'upstream connect error'), (error) => !isInvalid(error), 'PLB-6112', 'after-delay'],
  ];
  for (const [name, error, is, code, retry] of cases) {
    it(`is told apart: ${name}`, () => {
      expect(is(error)).toBe(true);
      expect(error).toMatchObject({ code, retry });
    });
  }

  it('names managers, subresources and fields of an apply conflict', () => {
    const cause = (message: string, field: string): object => ({ reason: 'FieldManagerConflict', message, field });
    const error = refused(409, {
      reason: 'Conflict',
      details: {
        causes: [
          cause('conflict with "kubectl" using apps/v1', '.spec.replicas'),
          cause('conflict with "hpa" with subresource "scale" using apps/v1', '.spec.replicas'),
          cause('conflict with "a "quoted" one" using v1 at 2026-01-01T00:00:00Z', '.data.x'),
          cause('conflict with "plain"', '.data.y'),
        ],
      },
    });
    expect(isFieldManagerConflict(error)).toBe(true);
    expect(error).toMatchObject({
      code: 'PLB-6103',
      retry: 'never',
      conflicts: [
        { manager: 'kubectl', field: '.spec.replicas' },
        { manager: 'hpa', subresource: 'scale' },
        { manager: 'a "quoted" one' },
        { manager: 'plain' },
      ],
    });
  });

  it('names policy, webhook, quota and a terminating namespace', () => {
    const policy = refused(422, {
      reason: 'Invalid',
      message: `configmaps "a" is forbidden: ValidatingAdmissionPolicy 'no-latest' with binding 'b' denied request: no`,
    });
    const webhook = refused(403, {
      reason: 'Forbidden',
      message: 'admission webhook "check.example.org" denied the request: no',
    });
    const quota = refused(403, {
      reason: 'Forbidden',
      message: 'configmaps "a" is forbidden: exceeded quota: small, requested: count/configmaps=1, used: 1, limited: 1',
    });
    const ending = refused(403, {
      reason: 'Forbidden',
      message: 'x',
      details: { causes: [{ reason: 'NamespaceTerminating', message: 'y', field: 'metadata.namespace' }] },
    });
    expect([policy, webhook, quota, ending].map(({ denial, retry, code }) => ({ ...denial, retry, code }))).toEqual([
      { by: 'policy', name: 'no-latest', retry: 'never', code: 'PLB-6106' },
      { by: 'webhook', name: 'check.example.org', retry: 'never', code: 'PLB-6106' },
      { by: 'quota', name: 'small', retry: 'after-delay', code: 'PLB-6106' },
      { by: 'namespace-terminating', retry: 'after-delay', code: 'PLB-6107' },
    ]);
    expect([policy, webhook, quota, ending].map(isAdmissionDenial)).toEqual([true, true, true, false]);
  });

  it('knows the words for what cannot change, which differ by kind', () => {
    const words = [
      'Invalid value: {}: field is immutable',
      'field is immutable when `immutable` is set',
      'Invalid value: {}: cannot change roleRef',
      "Forbidden: updates to statefulset spec for fields other than 'replicas' are forbidden",
      'Invalid value: ["10.0.0.1"]: may not change once set',
      'Forbidden: updates to parameters are forbidden.',
      'Forbidden: may not be changed in an update.',
      'Forbidden: spec is immutable after creation except resources.requests',
    ];
    for (const message of words) {
      expect({
        message,
        immutable: isImmutable(
          refused(422, {
            reason: 'Invalid',
            details: { causes: [{ reason: 'FieldValueForbidden', field: 'x', message }] },
          }),
        ),
      }).toEqual({ message, immutable: true });
    }
    expect(
      isImmutable(
        refused(422, {
          reason: 'Invalid',
          details: { causes: [{ reason: 'FieldValueInvalid', field: 'x', message: 'must be greater than 0' }] },
        }),
      ),
    ).toBe(false);
  });

  it('reads the paths out of an apply that misfits its schema, one or many, and does not take it for a fault of the server', () => {
    const text =
      'failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): errors:\n  .spec.template.spec.containers[name="a: b"].env: duplicate entries for key [name="A B"]\n  .spec.replica: field not declared in schema';
    expect(refused(500, { message: text })).toMatchObject({
      code: 'PLB-6105',
      retry: 'never',
      reason: 'Invalid',
      causes: [
        { reason: 'FieldValueDuplicate', field: '.spec.template.spec.containers[name="a: b"].env' },
        { reason: 'FieldUnknown', field: '.spec.replica' },
      ],
    });
    expect(refused(500, { message: 'etcdserver: request timed out' })).toMatchObject({
      code: 'PLB-6112',
      retry: 'after-delay',
      causes: [],
    });
  });

  it('lists the findings of strict decoding as causes', () => {
    expect(
      refused(400, {
        reason: 'BadRequest',
        message: 'strict decoding error: unknown field "spec.replica", duplicate field "spec.paused"',
      }).causes,
    ).toMatchObject([
      { reason: 'FieldUnknown', field: 'spec.replica' },
      { reason: 'FieldValueDuplicate', field: 'spec.paused' },
    ]);
  });

  it('tells of a Secret the fields and the reasons, and nothing that the server quoted', () => {
    const canary = 'canary-77';
    const bodies: [number, object, string][] = [
      [
        422,
        {
          reason: 'Invalid',
          message: `data: Forbidden: ${canary}`,
          details: {
            causes: [
              {
                reason: 'FieldValueForbidden',
                field: 'data',
                message: `${canary} field is immutable when \`immutable\` is set`,
              },
            ],
          },
        },
        'data: immutable',
      ],
      [
        500,
        {
          message: `failed to create typed patch object (shop/db; /v1, Kind=Secret): .data.p: expected string, got &value.valueUnstructured{Value:"${canary}"}`,
        },
        '.data.p: FieldValueTypeInvalid',
      ],
      [
        500,
        {
          message:
            'failed to convert new object (shop/db; /v1, Kind=Secret) to proper version: unable to convert unstructured object to /v1, Kind=Secret: error decoding from json: illegal base64 data at input byte 6',
        },
        'the object: IllegalBase64',
      ],
      [
        422,
        {
          reason: 'Invalid',
          message: `ValidatingAdmissionPolicy 'scan' with binding 'b' denied request: found ${canary}`,
        },
        'denied by policy scan',
      ],
      [
        409,
        {
          reason: 'Conflict',
          message: canary,
          details: {
            causes: [{ reason: 'FieldManagerConflict', field: '.data.p', message: 'conflict with "vault" using v1' }],
          },
        },
        '.data.p is owned by vault',
      ],
      [400, { reason: 'BadRequest', message: `json: cannot unmarshal ${canary}` }, 'withheld'],
    ];
    for (const [status, body, said] of bodies) {
      const error = refused(status, body, secret);
      expect(error.message).toContain(said);
      expect(JSON.stringify([error.message, error.details, error.causes])).not.toContain(canary);
    }
    expect(refused(404, { reason: 'NotFound', message: 'secrets "db" not found' }, secret).message).toContain(
      'not found',
    );
  });

  it('takes Retry-After from the header or the body', () => {
    expect(refused(429, {}, subject, { 'retry-after': '7' }).retryAfterMs).toBe(7_000);
    expect(refused(429, { details: { retryAfterSeconds: 3 } }).retryAfterMs).toBe(3_000);
    expect(refused(429, {}, subject, { 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' }).retryAfterMs).toBeUndefined();
  });

  it('survives an answer that is not a Status', () => {
    expect(refused(502, '<html>Bad Gateway</html>')).toMatchObject({
      status: 502,
      code: 'PLB-6112',
      retry: 'after-delay',
    });
    expect(refused(500, 'null').message).toContain('HTTP 500');
    expect(refused(418, '').code).toBe('PLB-6100');
  });
});

describe('a connection that failed', () => {
  it('says where, and what to look at when it is the certificate', () => {
    expect(
      transportError(
        'https://10.0.0.1:6443',
        Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
      ),
    ).toMatchObject({ code: 'PLB-6120', retry: 'after-delay', details: { code: 'ECONNREFUSED' } });
    expect(
      transportError(
        'https://10.0.0.1:6443',
        Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }),
      ),
    ).toMatchObject({ code: 'PLB-6122', message: expect.stringContaining('certificate authority') });
  });
});
