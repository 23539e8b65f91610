// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allOperations } from '@plumbline/api-contract';
import { type GatewayUnderTest, startGateway } from './testing/gateway.fixture.js';
import supertest from 'supertest';

// One gateway for the whole table: each case only reads, or is refused before it does anything.
let gateway: GatewayUnderTest;
const tokens = new Map<string, string>();

beforeAll(async () => {
  gateway = await startGateway();
  tokens.set('admin', gateway.adminToken);
  for (const role of ['viewer', 'operator'] as const) tokens.set(role, await gateway.tokenOf(role));
});
afterAll(() => gateway[Symbol.asyncDispose]());

function call(
  served: { readonly method: 'GET' | 'POST' | 'DELETE'; readonly path: string },
  token?: string,
): supertest.Test {
  const path = served.path.replace('{version}', '1').replaceAll(/\{\w+\}/g, 'nothing');
  const method = served.method.toLowerCase() as 'get' | 'post' | 'delete';
  const request = supertest(gateway.url)[method](path);
  return token === undefined ? request : request.set('authorization', `Bearer ${token}`);
}

const guarded = allOperations.filter(({ access }) => access !== 'public');

describe('authorisation', () => {
  it.each(guarded.map((served) => [served.id, served] as const))('%s refuses who has no token', async (_, served) => {
    const anonymous = await call(served);
    expect([anonymous.status, anonymous.body.code]).toEqual([401, 'PLB-2001']);
    expect(anonymous.headers['www-authenticate']).toBe('Bearer');
  });

  it.each(
    guarded.filter(({ access }) => access !== 'viewer').map((served) => [served.id, served.access, served] as const),
  )('%s needs the role %s', async (_, access, served) => {
    for (const role of access === 'admin' ? ['viewer', 'operator'] : ['viewer']) {
      const answer = await call(served, tokens.get(role));
      expect([answer.status, answer.body.code]).toEqual([403, 'PLB-2120']);
      expect(answer.body.details).toMatchObject({ needed: access, role });
    }
  });

  it('answers the same for what is absent and what is not allowed, when it is not allowed', async () => {
    await gateway.append('ProjectDeclared', 'project-there', {
      name: 'there',
      labels: {},
      spec: { repositories: ['*'], clusters: ['*'], namespaces: ['*'], forbiddenKinds: [] },
    });
    const answers = [];
    for (const name of ['there', 'absent']) {
      const { status, body } = await supertest(gateway.url)
        .delete(`/api/v1/projects/${name}`)
        .set('authorization', `Bearer ${tokens.get('operator')}`);
      answers.push([status, body.code, body.message, body.details]);
    }
    expect(answers[0]).toEqual(answers[1]);
    expect(answers[0]?.[0]).toBe(403);
  });

  it('stops a token with the request after its revocation', async () => {
    const admin = { authorization: `Bearer ${gateway.adminToken}` };
    const issued = await supertest(gateway.url)
      .post('/api/v1/tokens')
      .set(admin)
      .send({ name: 'short', role: 'viewer' });
    expect(issued.status).toBe(201);
    const own = { authorization: `Bearer ${issued.body.token}` };
    expect((await supertest(gateway.url).get('/api/v1/whoami').set(own)).body).toMatchObject({
      name: 'short',
      role: 'viewer',
    });
    expect((await supertest(gateway.url).delete(`/api/v1/tokens/${issued.body.item.id}`).set(admin)).body.action).toBe(
      'revoked',
    );
    expect((await supertest(gateway.url).get('/api/v1/whoami').set(own)).status).toBe(401);
    expect((await supertest(gateway.url).delete(`/api/v1/tokens/${issued.body.item.id}`).set(admin)).body.action).toBe(
      'unchanged',
    );
  });

  it('keeps the last admin token in force', async () => {
    const answer = await supertest(gateway.url)
      .delete('/api/v1/tokens/bootstrap')
      .set('authorization', `Bearer ${gateway.adminToken}`);
    expect([answer.status, answer.body.code]).toEqual([409, 'PLB-4706']);
  });
});

describe('every answer', () => {
  it('carries strict security headers, also when it is an error', async () => {
    for (const path of ['/api/v1/version', '/api/v1/whoami', '/nowhere']) {
      const { headers } = await supertest(gateway.url).get(path);
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-store',
        'content-security-policy': expect.stringContaining("default-src 'none'"),
        'strict-transport-security': expect.any(String),
      });
    }
  });

  it('names every mistake of a request at once', async () => {
    const answer = await supertest(gateway.url)
      .get('/api/v1/events?after=x&limit=0&bogus=1')
      .set('authorization', `Bearer ${gateway.adminToken}`);
    expect([answer.status, answer.body.code]).toEqual([400, 'PLB-1701']);
    expect(answer.body.details.issues.map(({ path }: { path: string }) => path)).toEqual([
      'query.after',
      'query.limit',
      'query',
    ]);
  });

  it('refuses a body that is not JSON, before anything is done with it', async () => {
    const send = () =>
      supertest(gateway.url).post('/api/v1/resources:apply').set('authorization', `Bearer ${gateway.adminToken}`);
    expect((await send().set('content-type', 'application/json').send('{"resources":')).body.code).toBe('PLB-1707');
    expect((await send().set('content-type', 'text/yaml').send('kind: Project')).body.code).toBe('PLB-1707');
  });

  it('does not read the body of who is not signed in', async () => {
    const answer = await supertest(gateway.url)
      .post('/api/v1/resources:apply')
      .set('content-type', 'application/json')
      .send(`{"resources":[${'1,'.repeat(3_000_000)}1]}`)
      .catch((error: { code: string }) => error.code);
    // The connection may be gone before the client has sent it all.
    expect(typeof answer === 'string' ? 'EPIPE ECONNRESET' : answer.body.code).toMatch(
      typeof answer === 'string' ? answer : /PLB-2001/,
    );
  });

  it('slows down who tries many tokens, and lets others in', async () => {
    await using own = await startGateway();
    const first = await supertest(own.url)
      .get('/api/v1/whoami')
      .set('authorization', `Bearer plumb_${'B'.repeat(43)}`);
    expect([first.status, first.body.code]).toEqual([401, 'PLB-2002']);
    let last = { status: 0, code: '', retryAfter: '' };
    for (let attempt = 0; attempt < 40; attempt += 1) {
      const { status, body, headers } = await supertest(own.url)
        .get('/api/v1/whoami')
        .set('authorization', `Bearer plumb_${String(attempt).padStart(43, 'A')}`);
      last = { status, code: body.code, retryAfter: headers['retry-after'] ?? '' };
    }
    expect(last).toMatchObject({ status: 503, code: 'PLB-5701', retryAfter: expect.stringMatching(/^[1-9]/) });
    expect(
      (await supertest(own.url).get('/api/v1/whoami').set('authorization', `Bearer ${own.adminToken}`)).status,
    ).toBe(200);
  });
});

describe('documents', () => {
  it('serves the API document and a page for it that loads only its own files', async () => {
    const document = await supertest(gateway.url).get('/openapi.json');
    expect(document.body.openapi).toBe('3.1.0');
    const page = await supertest(gateway.url).get('/docs');
    expect(page.headers['content-security-policy']).toContain("script-src 'self';");
    for (const [, file] of page.text.matchAll(/(?:src|href)="([^"]+)"/g))
      expect((await supertest(gateway.url).get(file ?? '')).status).toBe(200);
    expect((await supertest(gateway.url).get('/docs/..%2fpackage.json')).status).toBe(404);
  });
});
