// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { startHost } from '@plumbline/platform';
import { isolatedDatabase, sharedDatabase } from '@plumbline/testkit';
import { expect, it, vi } from 'vitest';
import { silent } from '../audit.fixture.js';
import { DatabaseWatch } from './database-watch.js';
import { AuditModule } from '../index.js';

const eventually = async (check: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(check, { timeout: 60_000, interval: 20 });

interface Answer {
  readonly status: number;
  readonly database: unknown;
}

it('is not ready while its database is away, stays alive, and is ready again by itself', async () => {
  await using database = await isolatedDatabase();
  const source = {
    PLUMBLINE_LOG_URL: database.url,
    PLUMBLINE_OBJECT_STORE_URL: database.url,
    PLUMBLINE_AUDIT_PROBE_MS: '50',
  };
  await using host = await startHost({ module: AuditModule, name: 'audit', source, logger: silent });
  const health = host.endpoints.get('health') ?? '';
  const readyz = async (): Promise<Answer> => {
    const response = await fetch(`${health}/readyz`);
    const { parts } = (await response.json()) as {
      readonly parts: readonly { readonly part: string; readonly ready: boolean; readonly detail?: string }[];
    };
    return { status: response.status, database: parts.find(({ part }) => part === 'database') };
  };
  expect(await readyz()).toEqual({ status: 200, database: { part: 'database', ready: true, detail: 'answers' } });
  for (let round = 0; round < 2; round += 1) {
    await database.server.kill();
    await eventually(async () =>
      expect(await readyz()).toEqual({
        status: 503,
        database: { part: 'database', ready: false, detail: 'does not answer (ECONNREFUSED)' },
      }),
    );
    expect((await fetch(`${health}/healthz`)).status).toBe(200);
    await database.server.restart();
    await eventually(async () => expect((await readyz()).status).toBe(200));
  }
});

/** A way to a server that can be made to swallow everything, or to break its connections. */
class Way implements AsyncDisposable {
  silent = false;
  connections = 0;
  /** What came through to the client. */
  answers = 0;
  readonly #sockets = new Set<Socket>();
  readonly #target: URL;
  readonly #server = createServer((incoming) => this.#join(incoming));

  constructor(url: string) {
    this.#target = new URL(url);
  }

  async open(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    const through = new URL(this.#target.href);
    through.port = String(typeof address === 'object' && address !== null ? address.port : 0);
    return through.href;
  }

  breakAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.breakAll();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #join(incoming: Socket): void {
    this.connections += 1;
    const outgoing = connect(Number(this.#target.port), this.#target.hostname);
    outgoing.on('data', () => void (this.silent || (this.answers += 1)));
    for (const [from, to] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      this.#sockets.add(from);
      from.on('data', (chunk) => void (this.silent || to.write(chunk)));
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
    }
  }
}

it('counts a database that is silent as away, and a connection that breaks as nothing', async () => {
  await using database = await sharedDatabase();
  await using way = new Way(database.url);
  const told: string[] = [];
  const watch = new DatabaseWatch({
    url: await way.open(),
    role: undefined,
    everyMs: 20,
    // time is what this tests: the limit is above the answers of a slow database
    timeoutMs: 5_000,
    logger: silent,
    report: (answers, detail) => void told.push(`${String(answers)} ${detail}`),
  });
  watch.start();
  for (let broken = 1; broken <= 5; broken += 1) {
    const before = way.answers;
    await eventually(() => expect(way.answers).toBeGreaterThan(before + 5));
    way.breakAll();
    await eventually(() => expect(way.connections).toBe(broken + 1));
  }
  expect(told).toEqual(['true answers']);
  way.silent = true;
  await eventually(() => expect(told).toEqual(['true answers', 'false does not answer (no answer in time)']));
  way.silent = false;
  await eventually(() =>
    expect(told).toEqual(['true answers', 'false does not answer (no answer in time)', 'true answers']),
  );
  await watch.stop();
});
