// SPDX-License-Identifier: Apache-2.0
import { InputError } from '@plumbline/core';
import { describe, expect, it } from 'vitest';
import { maskGitText, maskUrl, mirrorName, parseGitUrl } from './git-url.js';

describe('repository URLs', () => {
  it('lose what is secret in them', () => {
    expect(parseGitUrl('https://ada:s3cret@git.example.com:8443/shop.git?token=x#y')).toEqual({
      url: 'https://git.example.com:8443/shop.git',
      scheme: 'https',
      username: 'ada',
      password: 's3cret',
    });
    expect(parseGitUrl('https://ghp_token@git.example.com/shop.git')).toEqual({
      url: 'https://git.example.com/shop.git',
      scheme: 'https',
      username: 'ghp_token',
    });
    expect(maskUrl('http://a%40b:p%40ss@h/x')).toBe('http://h/x');
    expect(maskUrl('::')).not.toContain('::');
  });

  it('keep the user of SSH, which is part of the address', () => {
    expect(parseGitUrl('git@git.example.com:team/shop.git')).toEqual({
      url: 'git@git.example.com:team/shop.git',
      scheme: 'ssh',
    });
    expect(parseGitUrl('ssh://git@git.example.com:22/shop.git')).toEqual({
      url: 'ssh://git@git.example.com:22/shop.git',
      scheme: 'ssh',
    });
  });

  it.each([
    'ext::sh -c id',
    'git://h/x',
    '--upload-pack=id',
    '-oProxyCommand=id:x',
    'user@-oProxyCommand=id:x',
    'ftp://h/x',
    '/srv/git',
    'javascript:alert(1)',
    '',
  ])('refuse %j', (url) => {
    expect(() => parseGitUrl(url)).toThrow(InputError);
  });

  it('share one mirror whatever the credentials', () => {
    expect(mirrorName(parseGitUrl('https://a:b@h/x.git'))).toBe(mirrorName(parseGitUrl('https://h/x.git')));
    expect(mirrorName(parseGitUrl('https://h/y.git'))).not.toBe(mirrorName(parseGitUrl('https://h/x.git')));
  });

  it('are masked in what Git says', () => {
    const text = maskGitText(
      "fatal: unable to access 'https://ada:s3cret@h/x.git/?token=t0ken': bad s3cret+1 Authorization: Basic YWRh",
      ['s3cret+1'],
    );
    for (const secret of ['ada', 's3cret', 't0ken', 'YWRh']) expect(text).not.toContain(secret);
    expect(text).toContain('https://h/x.git/');
  });
});
