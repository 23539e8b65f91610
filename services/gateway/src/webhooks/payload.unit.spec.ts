// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { normalizedUrl } from './payload.js';

describe('a normalized URL', () => {
  it.each([
    'https://git.example.com/team/shop.git',
    'https://git.example.com/team/shop',
    'https://git.example.com/team/shop/',
    'https://GIT.example.com:443/team/shop.git',
    'https://user:secret@git.example.com/team/shop.git',
    'http://git.example.com/team/shop.git',
    'ssh://git@git.example.com/team/shop.git',
    'ssh://git@git.example.com:2222/team/shop.git',
    'git@git.example.com:team/shop.git',
    'git@git.example.com:/team/shop.git',
  ])('is one for all ways to write it: %s', (url) => {
    expect(normalizedUrl(url)).toBe('git.example.com/team/shop');
  });

  it('keeps apart what is not the same repository', () => {
    const urls = [
      'https://git.example.com/team/shop',
      'https://git.example.com/Team/shop',
      'https://git.example.com/team/shop2',
      'https://git.example.com:8443/team/shop',
      'https://git.example.org/team/shop',
      'file:///team/shop',
    ];
    expect(new Set(urls.map(normalizedUrl)).size).toBe(urls.length);
  });

  it('is none for what is no URL of a repository', () => {
    for (const text of ['', 'shop', 'https://', 'https://git.example.com', 'not a url'])
      expect(normalizedUrl(text)).toBeUndefined();
  });
});
