// SPDX-License-Identifier: Apache-2.0
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ExitCode, exitCodeOf, explain } from '../../exit-code.js';
import { buildProgram } from '../../program.js';

interface Asked {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly body: unknown;
}

interface Plumb extends AsyncDisposable {
  readonly asked: readonly Asked[];
  run(
    args: readonly string[],
    typed?: string,
  ): Promise<{ readonly code: number; readonly out: string; readonly err: string }>;
}

/**
 * `plumb` in front of a server that gives one answer to everything; what the server really answers is pinned where it
 * is made.
 */
async function plumbWith(status: number, answer: object): Promise<Plumb> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request
      .on('data', (chunk: Buffer) => void chunks.push(chunk))
      .on('end', () => {
        const text = Buffer.concat(chunks).toString();
        asked.push({
          method: request.method,
          url: request.url,
          body: text === '' ? undefined : (JSON.parse(text) as unknown),
        });
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
      });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    asked,
    run: async (args, typed) => {
      let [out, err] = ['', ''];
      const program = buildProgram({
        terminal: {
          out: (text) => void (out += text),
          err: (text) => void (err += text),
          colours: false,
          interactive: false,
          width: 80,
        },
        environment: {},
        nowMs: () => Date.parse('2026-11-20T10:30:00Z'),
        signal: new AbortController().signal,
        onExit: () => undefined,
        ...(typed === undefined
          ? {}
          : { ask: async (question: string) => ((err += question), Promise.resolve(typed)) }),
      });
      try {
        await program.parseAsync(['--server', `http://127.0.0.1:${port}`, '--token', 't', 'log', ...args], {
          from: 'user',
        });
        return { code: ExitCode.done, out, err };
      } catch (error) {
        return { code: exitCodeOf(error), out, err: err + (error instanceof CommanderError ? '' : explain(error)) };
      }
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const item = {
  consumer: 'policy',
  stream: 'application-default/web',
  position: 41,
  message: 'cannot be \u001b[2Japplied',
  attempts: 1,
  since: '2026-11-20T09:30:00.000000Z',
};
const reported = { consumer: 'policy', state: 'Reported', reportedAt: item.since };
const unknown = { consumer: 'watcher', state: 'NotReported', message: 'watcher has recorded no report' };
const hold = {
  id: 'case-7',
  from: 100,
  to: 200,
  reason: 'asked by counsel',
  placedBy: 'token-ada',
  placedAt: '2026-11-20T09:30:00.000000Z',
};
const subject = 's0123456789abcdef01234567';
const erased = { outcome: 'Erased', subject, events: 12, erasedAt: '2026-11-20T09:30:00.000000Z', position: 57 };
const failure = (code: string): object => ({ code, message: 'no', details: {}, instance: 'i' });

describe('plumb log quarantine and retry', () => {
  it('list quarantined streams as table, JSON and YAML', async () => {
    const answer = { items: [item], consumers: [reported] };
    await using plumb = await plumbWith(200, answer);
    const { out } = await plumb.run(['quarantine']);
    expect(out).toMatch(
      /CONSUMER +STREAM +POSITION +SINCE +MESSAGE\npolicy +application-default\/web +41 +2026-11-20T09:30:00.000000Z +cannot be {2}\[2Japplied\n$/,
    );
    expect(JSON.parse((await plumb.run(['quarantine', '-o', 'json'])).out)).toEqual(answer);
    expect(parse((await plumb.run(['quarantine', '-o', 'yaml'])).out)).toEqual(answer);
  });

  it('name the consumers whose state is not known', async () => {
    await using plumb = await plumbWith(200, { items: [], consumers: [reported, unknown] });
    expect((await plumb.run(['quarantine'])).out).toBe(
      'no quarantined stream is recorded\nnot known:\n  watcher: watcher has recorded no report\n',
    );
    await using known = await plumbWith(200, { items: [], consumers: [reported] });
    expect((await known.run(['quarantine'])).out).toBe('no stream is quarantined\n');
  });

  it.each([
    [200, { outcome: 'Recovered', recovered: 2, items: [] }, ExitCode.done, '2 quarantined streams recovered\n', ''],
    [
      200,
      { outcome: 'StillQuarantined', recovered: 1, items: [item] },
      ExitCode.failed,
      '1 quarantined stream recovered\nstill quarantined:\nCONSUMER',
      'the retry failed again for 1 stream',
    ],
    [
      200,
      { outcome: 'Pending', recovered: 0, items: [item] },
      ExitCode.timedOut,
      '0 quarantined streams recovered\nstill quarantined:\nCONSUMER',
      'the result for 1 stream is not known yet',
    ],
    [404, failure('PLB-3156'), ExitCode.notFound, '', 'PLB-3156'],
    [403, failure('PLB-2120'), ExitCode.refused, '', 'PLB-2120'],
    [502, failure('PLB-6002'), ExitCode.failed, '', 'PLB-6002'],
  ])('report the outcome of a retry by the exit status (%i %o)', async (status, answer, code, out, err) => {
    await using plumb = await plumbWith(status, { position: 57, consumers: [reported], ...answer });
    const ended = await plumb.run([
      ...['retry', '--consumer', 'policy', '--stream', item.stream],
      ...['--timeout', '2m'],
    ]);
    expect(ended.code).toBe(code);
    expect(ended.out.startsWith(out)).toBe(true);
    expect(ended.err).toContain(err);
    expect(ended.err + ended.out).not.toContain('\u001b');
    expect(plumb.asked).toEqual([
      {
        method: 'POST',
        url: '/api/v1/log/quarantine:retry',
        body: { consumer: 'policy', stream: item.stream, timeoutMs: 120_000 },
      },
    ]);
  });

  it('retries everything without options, and rejects a consumer that does not exist', async () => {
    await using plumb = await plumbWith(200, {
      ...{ outcome: 'Recovered', position: 57, recovered: 0, items: [] },
      consumers: [reported],
    });
    expect((await plumb.run(['retry', '--timeout', '2m'])).code).toBe(ExitCode.done);
    expect((await plumb.run(['retry', '--consumer', 'others'])).code).toBe(ExitCode.usage);
    expect(plumb.asked.map(({ body }) => body)).toEqual([{ timeoutMs: 120_000 }]);
  });
});

describe('plumb log parked and plumb log release', () => {
  it('are aliases of quarantine and retry, with the former name of the read models', async () => {
    await using plumb = await plumbWith(200, {
      ...{ outcome: 'Recovered', position: 57, recovered: 1 },
      items: [],
      consumers: [reported],
    });
    expect((await plumb.run(['parked'])).out).toBe((await plumb.run(['quarantine'])).out);
    await plumb.run(['release', 'views', item.stream]);
    await plumb.run(['retry', '--consumer', 'audit-read-models', '--stream', item.stream]);
    expect(plumb.asked.at(-1)).toEqual(plumb.asked.at(-2));
  });
});

describe('plumb log hold', () => {
  it('lists holds, with those that were lifted if wanted', async () => {
    await using plumb = await plumbWith(200, { items: [hold, { ...hold, id: 'case-8', to: undefined }] });
    expect((await plumb.run(['hold', 'list'])).out).toMatch(
      /NAME +FROM +TO[^\n]*\ncase-7 +100 +200 [^\n]*asked by counsel\ncase-8 +100 +open/,
    );
    await plumb.run(['hold', 'list', '--all', '-o', 'json']);
    expect(plumb.asked.map(({ url }) => url)).toEqual(['/api/v1/log/holds', '/api/v1/log/holds?lifted=true']);
  });

  it('places and lifts them', async () => {
    await using plumb = await plumbWith(200, { action: 'placed', hold, position: 57 });
    expect(
      (await plumb.run(['hold', 'place', 'case-7', '--from', '100', '--to', '200', '--reason', 'asked by counsel']))
        .out,
    ).toBe('legal hold case-7 on 100 to 199 placed (position 57)\n');
    expect(JSON.parse((await plumb.run(['hold', 'lift', 'case-7', '-o', 'json'])).out)).toEqual({
      action: 'placed',
      hold,
      position: 57,
    });
    expect(plumb.asked).toEqual([
      {
        method: 'POST',
        url: '/api/v1/log/holds',
        body: { id: 'case-7', from: 100, to: 200, reason: 'asked by counsel' },
      },
      { method: 'DELETE', url: '/api/v1/log/holds/case-7', body: undefined },
    ]);
  });

  it.each([
    [404, 'PLB-3154', ExitCode.notFound],
    [409, 'PLB-4108', ExitCode.refused],
    [400, 'PLB-1701', ExitCode.usage],
  ])('ends as it was refused: HTTP %i', async (status, code, exit) => {
    await using plumb = await plumbWith(status, failure(code));
    expect((await plumb.run(['hold', 'lift', 'case-7'])).code).toBe(exit);
  });

  it('wants a reason and a first position', async () => {
    await using plumb = await plumbWith(200, {});
    expect((await plumb.run(['hold', 'place', 'case-7', '--from', '1'])).code).toBe(ExitCode.usage);
    expect((await plumb.run(['hold', 'place', 'case-7', '--reason', 'r'])).code).toBe(ExitCode.usage);
    expect((await plumb.run(['hold', 'place', 'case-7', '--from', 'then', '--reason', 'r'])).code).toBe(ExitCode.usage);
    expect(plumb.asked).toEqual([]);
  });
});

describe('plumb log erase-person', () => {
  it('asks the server for nothing unless it was confirmed', async () => {
    await using plumb = await plumbWith(200, erased);
    const alone = await plumb.run(['erase-person', 'ada@example.com']);
    expect(alone).toEqual({
      code: ExitCode.usage,
      out: '',
      err: 'an erasure cannot be undone: confirm it with --yes',
    });
    for (const typed of ['', 'ada', 'eve@example.com']) {
      const other = await plumb.run(['erase-person', 'ada@example.com'], typed);
      expect(other.code).toBe(ExitCode.usage);
      expect(other.err).not.toContain('ada@example.com');
    }
    expect(plumb.asked).toEqual([]);
  });

  it.each([
    ['with --yes', ['--yes'], undefined],
    ['after it was typed again', [], ' ada@example.com'],
  ] as const)('erases %s, and never says whom', async (_how, more, typed) => {
    await using plumb = await plumbWith(200, erased);
    const ended = await plumb.run(['erase-person', 'ada@example.com', ...more], typed);
    expect(ended.code).toBe(ExitCode.done);
    expect(ended.out).toBe(`${subject} is erased: 12 events have data of the person, which is now unreadable\n`);
    expect(ended.out + ended.err).not.toContain('ada@');
    expect(plumb.asked).toEqual([
      // time is what this tests: the default of the option
      { method: 'POST', url: '/api/v1/log/persons:erase', body: { person: 'ada@example.com', timeoutMs: 30_000 } },
    ]);
  });

  it.each([
    [200, { ...erased, outcome: 'AlreadyErased' }, ExitCode.done, 'was already erased at 2026-11-20'],
    [200, { outcome: 'Pending', subject }, ExitCode.timedOut, 'run the same command again'],
    [404, failure('PLB-3155'), ExitCode.notFound, 'PLB-3155'],
    [409, failure('PLB-4109'), ExitCode.refused, 'PLB-4109'],
    [409, failure('PLB-4110'), ExitCode.refused, 'PLB-4110'],
  ])('ends as it went: HTTP %i %o', async (status, answer, code, words) => {
    await using plumb = await plumbWith(status, answer);
    const ended = await plumb.run(['erase-person', 'ada@example.com', '--yes']);
    expect(ended.code).toBe(code);
    expect(ended.out + ended.err).toContain(words);
  });
});
