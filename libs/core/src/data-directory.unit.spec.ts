// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { dataDirectory, DEFAULT_DATA_DIR } from './data-directory.js';

it('is the setting, else in XDG_DATA_HOME, else in the home directory', () => {
  expect(dataDirectory({ PLUMBLINE_DATA_DIR: '/srv/plumbline', XDG_DATA_HOME: '/x' }, '/home/a')).toBe(
    '/srv/plumbline',
  );
  expect(dataDirectory({ PLUMBLINE_DATA_DIR: '~/data' }, '/home/a')).toBe('/home/a/data');
  expect(dataDirectory({ XDG_DATA_HOME: '/x' }, '/home/a')).toBe('/x/plumbline');
  expect(dataDirectory({ PLUMBLINE_DATA_DIR: '', XDG_DATA_HOME: '' }, '/home/a')).toBe(
    '/home/a/.local/share/plumbline',
  );
  expect(dataDirectory({ PLUMBLINE_DATA_DIR: DEFAULT_DATA_DIR, XDG_DATA_HOME: '/x' }, '/home/a')).toBe('/x/plumbline');
});
