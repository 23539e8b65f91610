// SPDX-License-Identifier: Apache-2.0
import { InputError } from '@plumbline/core';
import { describe, expect, it } from 'vitest';
import { ApiError } from './api-error.js';
import { PlumblineClient } from './client.js';

interface Sent {
  readonly url: string;
  readonly init: RequestInit;
}

function clientWith(
  answer: () => Response | Promise<Response>,
  server = 'https://plumbline.example/base/',
): { readonly client: PlumblineClient; readonly sent: Sent[] } {
  const sent: Sent[] = [];
  const client = new PlumblineClient({
    server,
    token: 'plumb_secret',
    userAgent: 'plumb/1',
    fetch: async (input, init = {}) => {
      sent.push({ url: String(input), init });
      return answer();
    },
  });
  return { client, sent };
}

const json = (body: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(body), { status, headers });

describe('the client', () => {
  it('names applications, queries and bodies as the API wants them', async () => {
    const { client, sent } = clientWith(() => json({}));
    await client.status('web', { minPosition: 7 });
    await client.versionOf('team-a/web', 3);
    await client.events({ after: -1, types: ['A', 'B'] });
    await client.deleteCluster('eu/1', { force: true });
    await client.targets({ application: 'web', limit: 5 });
    await client.approve('web', 4, { comment: 'fine' });
    expect(sent.map(({ url, init }) => `${init.method} ${url.replace('https://plumbline.example/base', '')}`)).toEqual([
      'GET /api/v1/applications/default/web/status?minPosition=7',
      'GET /api/v1/applications/team-a/web/versions/3',
      'GET /api/v1/events?after=-1&types=A%2CB',
      'DELETE /api/v1/clusters/eu%2F1?force=true',
      'GET /api/v1/targets?application=default%2Fweb&limit=5',
      'POST /api/v1/applications/default/web/versions/4/approve',
    ]);
    expect(sent.at(-1)?.init.body).toBe('{"comment":"fine"}');
    expect(sent.every(({ init }) => new Headers(init.headers).get('authorization') === 'Bearer plumb_secret')).toBe(
      true,
    );
    // A redirect could carry the token elsewhere.
    expect(sent.every(({ init }) => init.redirect === 'error')).toBe(true);
  });

  it('throws what the server refuses, with its code, details and instance', async () => {
    const { client } = clientWith(() =>
      json({ code: 'PLB-3101', message: 'gone', details: { name: 'x' }, instance: 'i-1' }, 404),
    );
    const error: unknown = await client.application('web').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      code: 'PLB-3101',
      message: 'gone',
      httpStatus: 404,
      details: { name: 'x' },
      instance: 'i-1',
      retry: 'never',
    });
  });

  it.each([
    [409, 'after-reload'],
    [503, 'after-delay'],
    [502, 'after-delay'],
    [400, 'never'],
    [403, 'never'],
  ])('says for status %i that a retry may help %s', async (status, retry) => {
    const { client } = clientWith(() => json({ code: 'PLB-1', message: 'x' }, status, { 'retry-after': '3' }));
    await expect(client.whoAmI()).rejects.toMatchObject({ retry, retryAfterMs: 3000 });
  });

  it('does not repeat what a stranger answers', async () => {
    const { client } = clientWith(() => new Response('<html>secret page</html>', { status: 500 }));
    await expect(client.whoAmI()).rejects.toMatchObject({
      code: 'PLB-6702',
      message: expect.not.stringContaining('secret page'),
    });
    const { client: ok } = clientWith(() => new Response('<html>'));
    await expect(ok.whoAmI()).rejects.toMatchObject({ code: 'PLB-6702', retry: 'never' });
  });

  it('says which server cannot be reached, and why, without the token', async () => {
    const { client } = clientWith(() =>
      Promise.reject(Object.assign(new TypeError('fetch failed'), { cause: new Error('connect ECONNREFUSED') })),
    );
    const error: unknown = await client.whoAmI().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'PLB-6701',
      message: 'the server https://plumbline.example/base cannot be reached: connect ECONNREFUSED',
    });
    expect(JSON.stringify(error) + String(error)).not.toContain('plumb_secret');
  });

  it('refuses addresses that are none or carry a password, and does not repeat them', () => {
    for (const server of ['plumbline.example', 'ftp://x', 'https://me:s3cret@plumbline.example']) {
      expect(() => clientWith(() => json({}), server)).toThrow(InputError);
      expect(() => clientWith(() => json({}), server)).not.toThrow(/s3cret/);
    }
  });
});
