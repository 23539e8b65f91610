// SPDX-License-Identifier: Apache-2.0
import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { mayDeliverTo, signature } from './endpoint.js';

describe('the hosts that may be delivered to', () => {
  const allowed = ['hooks.example.com', '*.example.org', 'http://127.0.0.1:9000', '[::1]:8443'];
  it.each([
    'https://hooks.example.com/any?path',
    'https://HOOKS.example.com',
    'https://hooks.example.com:443/',
    'https://a.example.org',
    'https://a.b.example.org/x',
    'http://127.0.0.1:9000/x',
    'https://[::1]:8443/',
  ])('include %s', (url) => expect(mayDeliverTo(url, allowed)).toBe(true));

  it.each([
    'http://hooks.example.com',
    'https://hooks.example.com:8443',
    'https://example.org',
    'https://hooks.example.com.evil.net',
    'https://evilexample.org',
    'https://user@hooks.example.com',
    'https://hooks.example.com@evil.net',
    'http://127.0.0.1',
    'https://127.0.0.1:9000',
    'http://169.254.169.254/latest',
    'http://2130706433:9000',
    'file:///etc/passwd',
    'nonsense',
  ])('do not include %s', (url) => {
    // 2130706433 is 127.0.0.1 to every resolver, and to the URL parser too: then it is the allowed one by its right
    // name.
    expect(mayDeliverTo(url, url.includes('2130706433') ? ['hooks.example.com'] : allowed)).toBe(false);
  });

  it('are none when none are named', () => {
    expect(mayDeliverTo('https://hooks.example.com', [])).toBe(false);
    expect(mayDeliverTo('https://hooks.example.com', ['*', 'https://*', '*.'])).toBe(false);
  });
});

describe('a signature', () => {
  it('covers id, time and body', () => {
    const signed = { id: 'e1', timestamp: 1_700_000_000, body: '{}' };
    expect(signature('a secret of specs', signed)).toBe(
      `v1,${createHmac('sha256', 'a secret of specs').update('e1.1700000000.{}').digest('base64')}`,
    );
    const others = [
      { ...signed, id: 'e2' },
      { ...signed, timestamp: 1 },
      { ...signed, body: '{ }' },
    ];
    expect(new Set([signed, ...others].map((one) => signature('a secret of specs', one))).size).toBe(4);
  });
});
