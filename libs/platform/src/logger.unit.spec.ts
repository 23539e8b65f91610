// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { createLogger, type LogLevel } from './logger.js';

function recorded(level: LogLevel = 'debug'): {
  readonly lines: Record<string, unknown>[];
  readonly log: ReturnType<typeof createLogger>;
} {
  const lines: Record<string, unknown>[] = [];
  const log = createLogger({
    service: 'watcher',
    level,
    destination: { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  });
  return { lines, log };
}

it('writes one JSON object per line with level, service, time, message and fields', () => {
  const { lines, log } = recorded();
  log.child({ repository: 'shop' }).info('revision observed', { revision: 'abc' });
  expect(lines).toEqual([
    {
      level: 'info',
      time: expect.any(String) as unknown,
      service: 'watcher',
      repository: 'shop',
      revision: 'abc',
      msg: 'revision observed',
    },
  ]);
});

it('leaves out what is below its level', () => {
  const { lines, log } = recorded('warn');
  log.info('no');
  log.debug('no');
  log.warn('yes');
  log.error('yes');
  expect(lines.map((line) => line['msg'])).toEqual(['yes', 'yes']);
});

it('blots out secrets by their name and passwords in URLs', () => {
  const { lines, log } = recorded();
  log.warn('cannot reach https://bot:hunter2@git.example/shop.git', {
    url: 'postgres://plumbline:hunter2@db/x',
    token: 'hunter2',
    request: { authorization: 'Bearer hunter2', path: '/' },
  });
  expect(JSON.stringify(lines)).not.toContain('hunter2');
  expect(lines[0]).toMatchObject({
    msg: 'cannot reach https://***@git.example/shop.git',
    url: 'postgres://***@db/x',
    request: { path: '/' },
  });
});
