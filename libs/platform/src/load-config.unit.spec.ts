// SPDX-License-Identifier: Apache-2.0
import { InputError } from '@plumbline/core';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { booleanSetting, listenAddress, loadConfig, parseListen, secretFrom } from './load-config.js';
import { platformConfig } from './platform.config.js';

const schema = z.object({
  PLUMBLINE_X_URL: z.url(),
  PLUMBLINE_X_LIMIT: z.coerce.number().int().min(1).default(10),
  PLUMBLINE_X_STRICT: booleanSetting.default(false),
});

function failureOf(run: () => unknown): InputError {
  try {
    run();
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('a configuration', () => {
  it('is read from its own names, with defaults, and takes an empty value for an absent one', () => {
    expect(
      loadConfig(schema, {
        PLUMBLINE_X_URL: 'http://a',
        PLUMBLINE_X_LIMIT: '',
        PLUMBLINE_X_STRICT: 'yes',
        HOME: '/root',
      }),
    ).toEqual({ PLUMBLINE_X_URL: 'http://a', PLUMBLINE_X_LIMIT: 10, PLUMBLINE_X_STRICT: true });
  });

  it('reports every mistake at once', () => {
    const failure = failureOf(() => loadConfig(schema, { PLUMBLINE_X_LIMIT: '0', PLUMBLINE_X_STRICT: 'perhaps' }));
    expect(failure.code).toBe('PLB-1901');
    expect(failure.details['issues']).toEqual([
      { path: 'PLUMBLINE_X_URL', message: 'is required and not set' },
      { path: 'PLUMBLINE_X_LIMIT', message: expect.stringContaining('>=1') as unknown },
      { path: 'PLUMBLINE_X_STRICT', message: expect.any(String) as unknown },
    ]);
  });

  it('never repeats a value, which may be a secret', () => {
    const failure = failureOf(() => loadConfig(schema, { PLUMBLINE_X_URL: 'hunter2 is not a URL' }));
    expect(JSON.stringify(failure.details) + failure.message).not.toContain('hunter2');
  });
});

describe('a secret', () => {
  it('is named by its file when the file is not there', () => {
    expect(failureOf(() => secretFrom('PLUMBLINE_LOG_CREDENTIAL_FILE', { file: '/nonexistent/token' }))).toMatchObject({
      code: 'PLB-1902',
      message: expect.stringContaining('/nonexistent/token') as unknown,
    });
  });

  it('comes from the value when there is no file', () => {
    expect(secretFrom('PLUMBLINE_LOG_CREDENTIAL_FILE', { value: 'abc' })).toBe('abc');
    expect(secretFrom('PLUMBLINE_LOG_CREDENTIAL_FILE', {})).toBeUndefined();
  });
});

it.each([
  ['127.0.0.1:0', '127.0.0.1', 0],
  ['[::1]:8080', '::1', 8080],
  ['localhost:443', 'localhost', 443],
])('takes %s apart', (text, host, port) => {
  expect(listenAddress.parse(text)).toBe(text);
  expect(parseListen(text)).toEqual({ host, port });
});

it.each(['8080', 'localhost', ':80', 'a b:1'])('refuses %s as an address to listen on', (text) => {
  expect(listenAddress.safeParse(text).success).toBe(false);
});

it('says what the settings of every process lack', () => {
  const failure = failureOf(() => platformConfig({ PLUMBLINE_BUS_URL: 'kafka://x' }));
  expect((failure.details['issues'] as readonly { path: string }[]).map(({ path }) => path)).toEqual([
    'PLUMBLINE_LOG_URL',
    'PLUMBLINE_BUS_URL',
    'PLUMBLINE_OBJECT_STORE_URL',
  ]);
});
