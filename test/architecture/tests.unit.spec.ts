// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import {
  elapsedTime,
  type Finding,
  findings,
  fixedPort,
  MARKER,
  shortBudget,
  sleep,
  testFiles,
  titleOf,
} from './test-code.js';

const files = testFiles();
/** The one place that polls: everything else waits through it. */
const POLLING = 'libs/testkit/src/polling.ts';

const shown = (found: readonly Finding[]): readonly string[] =>
  found.map(({ file, line, what }) => `${file}:${line} ${what}`);

describe('tests', () => {
  it('wait for positions and conditions, never for a fixed time', () => {
    const found = files.filter(({ file }) => file !== POLLING).flatMap((file) => findings(file, sleep));
    expect(shown(found), `wait for a condition, or mark the line with "// ${MARKER}"`).toEqual([]);
  });

  it('set no time limit below a minute, so that they pass on a machine that is 20 times slower', () => {
    const found = files.flatMap((file) =>
      findings(file, (node) => shortBudget(file.tree, node) ?? elapsedTime(file.tree, node)),
    );
    expect(shown(found), `raise the limit, or mark the line with "// ${MARKER}"`).toEqual([]);
  });

  it('replace no modules', () => {
    const found = files.flatMap((file) =>
      findings(file, (node) =>
        /^vi\.(mock|doMock)\(/.test(node.getText(file.tree).slice(0, 12)) ? 'mocks a module' : undefined,
      ),
    );
    expect(shown(found)).toEqual([]);
  });

  it('listen on free ports only', () => {
    expect(shown(files.flatMap((file) => findings(file, fixedPort)))).toEqual([]);
  });

  it('have names that are sentences, without codes of lists that are not in the repository', () => {
    const found = files.flatMap((file) =>
      findings(file, (node) => {
        const title = titleOf(node);
        return title !== undefined && /\b[A-Z]{1,2}\d{1,3}\b/.test(title) ? `is called "${title}"` : undefined;
      }),
    );
    expect(shown(found)).toEqual([]);
  });
});
