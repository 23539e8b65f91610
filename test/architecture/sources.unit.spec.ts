// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { sourceFiles, textOf } from './workspace.js';

const files = sourceFiles();
/**
 * What runs in a service or a test; tools and benchmarks are started by hand and set themselves up by the
 * environment.
 */
const isOwnSource = (file: string): boolean =>
  /^(libs|services|cli|demo|test)\//.test(file) && !file.startsWith('test/bench/');

/** The comment-free text: words in comments are not code. */
function codeOf(file: string): string {
  return textOf(file)
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/^\s*\/\/.*$/gm, '');
}

describe('every source file', () => {
  it('names its licence in the first line', () => {
    const offenders = files.filter(
      (file) => !/^(#!.*\n)?\/\/ SPDX-License-Identifier: Apache-2\.0\n/.test(textOf(file)),
    );
    expect(offenders).toEqual([]);
  });

  it('has a name in kebab case, with its role as a suffix', () => {
    expect(files.filter((file) => !/(^|\/)[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)*\.[a-z]+$/.test(file))).toEqual([]);
  });

  it('is not called after nothing in particular', () => {
    // Field managers are a word of Kubernetes.
    expect(
      files.filter(
        (file) =>
          !/\/smd\/(field-)?managers?\.ts$/.test(file) &&
          /(^|\/|-)(utils?|helpers?|managers?|common|misc)\.[a-z]+$/.test(file),
      ),
    ).toEqual([]);
  });
});

describe('the environment', () => {
  it('is read in configuration files only', () => {
    const offenders = files.filter(
      (file) => isOwnSource(file) && !/\.config\.(ts|mjs)$/.test(file) && /\bprocess\.env\b/.test(codeOf(file)),
    );
    expect(offenders).toEqual([]);
  });
});

describe('tests', () => {
  const specs = files.filter((file) => file.endsWith('.spec.ts'));

  it('say by their name what they need', () => {
    expect(specs.filter((file) => !/\.(unit|int|e2e|types)\.spec\.ts$/.test(file))).toEqual([]);
  });

  it('that run from end to end are in one place', () => {
    expect(specs.filter((file) => file.endsWith('.e2e.spec.ts') && !file.startsWith('test/'))).toEqual([]);
  });
});
