// SPDX-License-Identifier: Apache-2.0
import { createHmac } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import supertest from 'supertest';
import { describe, expect, it } from 'vitest';
import { clientOf, type GatewayOptions, type GatewayUnderTest, startGateway } from '../testing/gateway.fixture.js';

const SECRET = 'hook-secret-1b2c';
const OWN_SECRET = 'own-secret-7f3e';
const API = 'plumbline.dev/v1alpha1';

interface Hooked extends AsyncDisposable {
  readonly gateway: GatewayUnderTest;
  readonly source: Readonly<Record<string, string>>;
}

/** Two repositories: `shop` under the common secret, `own` with a secret of its own. */
async function startHooked(options: GatewayOptions & { readonly withSecret?: boolean } = {}): Promise<Hooked> {
  const folder = await mkdtemp(join(tmpdir(), 'plumbline-hooks-'));
  await writeFile(join(folder, 'secret'), `${SECRET}\n`);
  await writeFile(join(folder, 'own'), OWN_SECRET);
  const source: Readonly<Record<string, string>> =
    options.withSecret === false ? {} : { PLUMBLINE_GATEWAY_WEBHOOK_SECRET_FILE: join(folder, 'secret') };
  const gateway = await startGateway({ ...options, source: { ...source, ...options.source } });
  const admin = clientOf(gateway);
  await admin.apply({
    resources: [
      {
        apiVersion: API,
        kind: 'Repository',
        metadata: { name: 'shop' },
        spec: { url: 'git@git.example.com:team/shop.git' },
      },
      {
        apiVersion: API,
        kind: 'Repository',
        metadata: { name: 'shop-https' },
        spec: { url: 'https://Git.Example.com/team/shop' },
      },
      {
        apiVersion: API,
        kind: 'Repository',
        metadata: { name: 'own' },
        spec: {
          url: 'https://git.example.com/team/own.git',
          webhookSecretFile: options.withSecret === false ? join(folder, 'none') : join(folder, 'own'),
        },
      },
    ],
  });
  return {
    gateway,
    source,
    [Symbol.asyncDispose]: async () => {
      await gateway[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}

function mac(body: string, secret = SECRET): string {
  return createHmac('sha256', secret).update(body).digest('hex');
}

function send(
  gateway: GatewayUnderTest,
  provider: string,
  body: string,
  headers: Readonly<Record<string, string>>,
): supertest.Test {
  return supertest(gateway.url)
    .post(`/webhooks/${provider}`)
    .set({ 'content-type': 'application/json', ...headers })
    .send(body);
}

/** Refreshes that were asked for: `repository provider ref`. */
async function refreshes(gateway: GatewayUnderTest): Promise<readonly string[]> {
  const { events } = await gateway.log.read({ from: 0 });
  return events.flatMap((event) =>
    event.type === 'RefreshRequested'
      ? [`${event.data.repository} ${event.data.provider ?? ''} ${event.data.ref ?? ''}`]
      : [],
  );
}

const github = JSON.stringify({
  ref: 'refs/heads/main',
  repository: {
    clone_url: 'https://git.example.com/team/shop.git',
    ssh_url: 'git@git.example.com:team/shop.git',
    owner: { name: 'x' },
  },
  commits: [],
});

describe('a webhook', () => {
  it('of each provider refreshes every repository of its URL, however that is written', async () => {
    await using hooked = await startHooked();
    const { gateway } = hooked;
    const gitlab = JSON.stringify({
      ref: 'refs/heads/main',
      project: {
        git_http_url: 'https://git.example.com/team/shop.git',
        git_ssh_url: 'ssh://git@git.example.com/team/shop.git',
      },
    });
    const generic = JSON.stringify({ repository: 'ssh://git@git.example.com/team/shop/', ref: 'refs/heads/main' });
    const answers = [
      await send(gateway, 'github', github, { 'x-hub-signature-256': `sha256=${mac(github)}` }),
      await send(gateway, 'gitlab', gitlab, { 'x-gitlab-token': SECRET }),
      await send(gateway, 'gitea', github, { 'x-gitea-signature': mac(github) }),
      await send(gateway, 'generic', generic, { 'x-hub-signature-256': `sha256=${mac(generic)}` }),
    ];
    expect(answers.map(({ status, body }) => [status, body])).toEqual(answers.map(() => [202, { taken: true }]));
    const expected = ['github', 'gitlab', 'gitea', 'generic'].flatMap((provider) => [
      `shop ${provider} refs/heads/main`,
      `shop-https ${provider} refs/heads/main`,
    ]);
    expect((await refreshes(gateway)).toSorted()).toEqual(expected.toSorted());
  });

  it('without a right signature is refused, and tells nothing about why', async () => {
    await using hooked = await startHooked();
    const { gateway } = hooked;
    const attempts: readonly (readonly [string, string, Readonly<Record<string, string>>])[] = [
      ['github', github, {}],
      ['github', github, { 'x-hub-signature-256': '' }],
      ['github', github, { 'x-hub-signature-256': `sha256=${mac(github, 'wrong')}` }],
      ['github', `${github} `, { 'x-hub-signature-256': `sha256=${mac(github)}` }],
      ['github', github, { 'x-hub-signature': `sha1=${createHmac('sha1', SECRET).update(github).digest('hex')}` }],
      ['github', github, { 'x-hub-signature-256': mac(github) }],
      ['gitea', github, { 'x-hub-signature-256': `sha256=${mac(github)}` }],
      ['gitlab', github, { 'x-gitlab-token': `${SECRET} `.slice(0, -2) }],
      ['generic', 'not json at all', { 'x-hub-signature-256': `sha256=${mac('other')}` }],
    ];
    for (const [provider, body, headers] of attempts) {
      const { status, body: answer } = await send(gateway, provider, body, headers);
      expect([status, answer.code, answer.message]).toEqual([
        401,
        'PLB-2003',
        'the signature of the webhook is missing or wrong',
      ]);
    }
    expect(await refreshes(gateway)).toEqual([]);
  });

  it('is refused when no secret is set', async () => {
    await using hooked = await startHooked({ withSecret: false });
    expect(
      (await send(hooked.gateway, 'github', github, { 'x-hub-signature-256': `sha256=${mac(github, '')}` })).status,
    ).toBe(401);
    expect((await send(hooked.gateway, 'gitlab', github, { 'x-gitlab-token': '' })).status).toBe(401);
  });

  it('signed with the secret of one repository opens no other, and the common secret does not open that one', async () => {
    await using hooked = await startHooked();
    const { gateway } = hooked;
    const both = (url: string): string => JSON.stringify({ repository: url, ref: 'refs/heads/main' });
    const shop = both('https://git.example.com/team/shop.git');
    const own = both('https://git.example.com/team/own.git');
    expect(
      (await send(gateway, 'generic', shop, { 'x-hub-signature-256': `sha256=${mac(shop, OWN_SECRET)}` })).status,
    ).toBe(202);
    expect((await send(gateway, 'generic', own, { 'x-hub-signature-256': `sha256=${mac(own)}` })).status).toBe(202);
    expect(await refreshes(gateway)).toEqual([]);
    expect(
      (await send(gateway, 'generic', own, { 'x-hub-signature-256': `sha256=${mac(own, OWN_SECRET)}` })).status,
    ).toBe(202);
    expect(await refreshes(gateway)).toEqual(['own generic refs/heads/main']);
  });

  it('replayed is one event, also when two copies come at once', async () => {
    await using hooked = await startHooked();
    const { gateway } = hooked;
    const signed = { 'x-hub-signature-256': `sha256=${mac(github)}`, 'x-github-delivery': '6f1d9a50-1' };
    const answers = await Promise.all([1, 2, 3].map(() => send(gateway, 'github', github, signed)));
    answers.push(await send(gateway, 'github', github, signed));
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202]);
    expect((await refreshes(gateway)).toSorted()).toEqual([
      'shop github refs/heads/main',
      'shop-https github refs/heads/main',
    ]);
    await send(gateway, 'github', github, { ...signed, 'x-github-delivery': '6f1d9a50-2' });
    expect(await refreshes(gateway)).toHaveLength(4);
  });

  it('replayed hours later, or at a gateway that started since, is no event', async () => {
    let nowMs = Date.now() - 3 * 3_600_000;
    await using hooked = await startHooked({ clock: { nowMs: () => nowMs } });
    const signed = { 'x-gitea-signature': mac(github), 'x-gitea-delivery': 'one' };
    await send(hooked.gateway, 'gitea', github, signed);
    nowMs = Date.now();
    await send(hooked.gateway, 'gitea', github, signed);
    expect(await refreshes(hooked.gateway)).toHaveLength(2);
    await using later = await startGateway({ log: hooked.gateway.log, source: hooked.source });
    await send(later, 'gitea', github, signed);
    await send(later, 'gitea', github, { ...signed, 'x-gitea-delivery': 'two' });
    expect(await refreshes(later)).toHaveLength(4);
  });

  it('about a repository that is not declared has no effect and the same answer', async () => {
    await using hooked = await startHooked();
    const body = JSON.stringify({ repository: 'https://git.example.com/team/absent.git' });
    const { status, body: answer } = await send(hooked.gateway, 'generic', body, {
      'x-hub-signature-256': `sha256=${mac(body)}`,
    });
    expect([status, answer]).toEqual([202, { taken: true }]);
    expect(await refreshes(hooked.gateway)).toEqual([]);
  });

  it('with a body that is too large, of no form, or of another type is refused', async () => {
    await using hooked = await startHooked();
    const { gateway } = hooked;
    const large = JSON.stringify({
      repository: 'https://git.example.com/team/shop.git',
      padding: 'x'.repeat(1_100_000),
    });
    const refused = await send(gateway, 'generic', large, { 'x-hub-signature-256': `sha256=${mac(large)}` }).then(
      ({ status }) => status,
      () => 400,
    );
    expect(refused).toBe(400);
    for (const body of [
      'not json',
      '[]',
      'null',
      '{"repository":{"url":"x"}}',
      '{"ref":"refs/heads/main"}',
      '{"__proto__":{"repository":"https://git.example.com/team/shop.git"}}',
      `${'['.repeat(50_000)}`,
    ]) {
      const { status, body: answer } = await send(gateway, 'generic', body, {
        'x-hub-signature-256': `sha256=${mac(body)}`,
      });
      expect([status, answer.code]).toEqual([400, 'PLB-1708']);
    }
    const form = `payload=${encodeURIComponent(github)}`;
    const { body: answer } = await send(gateway, 'github', form, {
      'content-type': 'application/x-www-form-urlencoded',
      'x-hub-signature-256': `sha256=${mac(form)}`,
    });
    expect(answer).toMatchObject({ code: 'PLB-1708', message: expect.stringContaining('application/json') });
    expect((await send(gateway, 'bitbucket', github, {})).body.code).toBe('PLB-1701');
    expect(await refreshes(gateway)).toEqual([]);
  });

  it('is limited by source', async () => {
    await using hooked = await startHooked({ source: { PLUMBLINE_GATEWAY_WEBHOOKS_PER_MINUTE: '3' } });
    const statuses = [];
    for (let count = 0; count < 5; count += 1) statuses.push((await send(hooked.gateway, 'github', github, {})).status);
    expect(statuses).toEqual([401, 401, 401, 503, 503]);
  });
});
