// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { InputError } from '@plumbline/core';
import { parseManifests } from '@plumbline/manifest';
import { tempDir } from '@plumbline/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toolCache } from '../renderer.fixture.js';
import { findKustomize } from './kustomize/binary.js';

const run = promisify(execFile);

/** Plain scalars near the borders between text, numbers, booleans and null. */
const nearNumbers = fc.stringMatching(/^[-+]?(0[xXoObB]?)?[0-9a-fA-F_]{0,6}(\.[0-9_]{0,3})?([eE][-+]?[0-9]{0,3})?$/);
const nearWords = fc.constantFrom(
  'y',
  'Y',
  'n',
  'N',
  'yes',
  'Yes',
  'YES',
  'yEs',
  'no',
  'on',
  'On',
  'oN',
  'off',
  'OFF',
  'true',
  'True',
  'TRUE',
  'tRUE',
  'false',
  'null',
  'Null',
  'NULL',
  'nUll',
  '~',
  '',
  '.',
  '..',
  '.5',
  '5.',
  '.e1',
  '1e',
  '1e1.5',
  '2024-01-02',
  '12:30',
  '0.1.2',
  '-',
  '--',
  '+',
  '1 2',
  '0b',
  '0o8',
  '08',
  '0x',
  '1_',
  '_1',
  '0_0',
  '+.5',
  '-.5',
  '+0',
  '-0',
  '1,000',
  '<<',
  '=',
  '0b2',
  '-0x1F',
  '+0o17',
  '-0b11',
  '0777',
  '-0777',
  '0888',
  '1e5',
  '1E5',
  '1e+5',
  '1.0',
  '100000000000000000000000',
  '.1_0',
  '._5',
);
const scalar = fc.oneof(nearNumbers, nearWords);

describe('the dialect of manifests', () => {
  it("is kubectl's, on thousands of scalars as values and as keys", async () => {
    await using dir = await tempDir('dialect');
    const { command } = await findKustomize({
      configured: undefined,
      cacheDir: path.join(toolCache(), 'cache', 'tools'),
      searchPath: '/usr/local/bin:/usr/bin:/bin',
    });
    const scalars = fc.sample(scalar, { numRuns: 5_000, seed: 7 }).filter((text) => text !== '-' && text !== '--');
    // What has no exact JSON form in JavaScript is refused by us and passed on by kubectl: not compared.
    const head = 'apiVersion: v1\nkind: Foo\nmetadata: {name: x}\n';
    const isRefused = (text: string): boolean => {
      try {
        parseManifests(`${head}v: ${text}\n`, 'x.yaml');
        return false;
      } catch (error) {
        if (error instanceof InputError && (error.code === 'PLB-1405' || error.code === 'PLB-1402')) return true;
        throw error;
      }
    };
    const compared = [...new Set(scalars)].filter((text) => !isRefused(text));
    expect(compared.length).toBeGreaterThan(1_000);
    const keys = compared.filter(
      (text) => text !== '' && text !== '<<' && !/^(?:~|[nN]ull|NULL)$/.test(text) && !/[.eE]/.test(text),
    );
    const text = `${head}values:\n${compared.map((value) => `- ${value}\n`).join('')}keys:\n${keys.map((key) => `- ? ${key}\n  : 1\n`).join('')}`;
    const file = path.join(dir.path, 'scalars.yaml');
    await writeFile(file, text);
    const { stdout } = await run(command, ['label', '--local', '--dry-run=client', '-o', 'json', '-f', file, 'a=b'], {
      env: { HOME: dir.path, KUBECONFIG: '/dev/null' },
      maxBuffer: 64 * 1024 * 1024,
    });
    const theirs = JSON.parse(stdout) as { values: unknown[]; keys: unknown[] };
    const ours = parseManifests(text, 'scalars.yaml')[0]?.object as unknown as { values: unknown[]; keys: unknown[] };
    const differences = compared.flatMap((value, index) =>
      Object.is(ours.values[index], theirs.values[index])
        ? []
        : [{ value, ours: ours.values[index], theirs: theirs.values[index] }],
    );
    expect(differences).toEqual([]);
    expect(ours.keys).toEqual(theirs.keys);
  });
});
