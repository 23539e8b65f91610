// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { canonicalJson, InputError } from '@plumbline/core';
import { digestEntries, type GitTree } from '@plumbline/git';
import { describe, expect, it } from 'vitest';
import { treePath } from './paths.js';
import type { Renderer } from './renderer.port.js';
import { onlyOf, treeOf } from './tree.fixture.js';

interface Case {
  readonly renderer: string;
  readonly path: string;
}

const testdata = path.resolve(import.meta.dirname, '../../testdata');
const readJson = <Value>(...parts: string[]): Value => JSON.parse(readFileSync(path.join(...parts), 'utf8')) as Value;
const cases = (renderer: string): string[] =>
  readdirSync(testdata).filter((name) => readJson<Case>(testdata, name, 'case.json').renderer === renderer);
const inputOf = (name: string): string => path.join(testdata, name, 'input');

async function renderAt(
  renderer: Renderer,
  tree: GitTree,
  declared: string,
): Promise<{ readonly text: string; readonly digest: string }> {
  const at = treePath(declared);
  const inputs = await renderer.inputs(tree, at);
  const manifests = await renderer.render({ tree, path: at, inputs });
  const objects = manifests.map(({ object, file, document }) => ({ source: `${file}#${document}`, object }));
  return { text: canonicalJson(objects), digest: digestEntries(inputs.entries) };
}

/**
 * What every plug-in must do, on the cases of `testdata` that name it. A case without `expected` gets it written, to
 * be read and committed.
 */
export function rendererContract(renderer: Renderer): void {
  const names = cases(renderer.name);
  const good = names.filter((name) => !existsSync(path.join(testdata, name, 'expected', 'error.json')));
  const bad = names.filter((name) => !good.includes(name));

  describe(`the ${renderer.name} renderer`, () => {
    it('has cases and a version', async () => {
      expect(good.length).toBeGreaterThan(0);
      expect(bad.length).toBeGreaterThan(0);
      expect(await renderer.version()).toMatch(/^v?\d/);
    });

    it.each(good)('renders %s, twice alike', async (name) => {
      const { path: at } = readJson<Case>(testdata, name, 'case.json');
      const tree = await treeOf(inputOf(name));
      const { text } = await renderAt(renderer, tree, at);
      const file = path.join(testdata, name, 'expected', 'objects.json');
      if (!existsSync(file)) writeFileSync(file, `${JSON.stringify(JSON.parse(text), undefined, 2)}\n`);
      expect(JSON.parse(text)).toEqual(readJson(file));
      expect((await renderAt(renderer, await treeOf(inputOf(name)), at)).text).toBe(text);
    });

    it.each(good)('reads nothing but the inputs that it names: %s', async (name) => {
      const { path: at } = readJson<Case>(testdata, name, 'case.json');
      const tree = await treeOf(inputOf(name));
      const { entries } = await renderer.inputs(tree, treePath(at));
      const whole = await renderAt(renderer, tree, at);
      expect(await renderAt(renderer, await onlyOf(tree, entries), at)).toEqual(whole);
    });

    it.each(good)(
      'has another input digest when an input changes, and the same when anything else does: %s',
      async (name) => {
        const { path: at } = readJson<Case>(testdata, name, 'case.json');
        const tree = await treeOf(inputOf(name));
        const { entries } = await renderer.inputs(tree, treePath(at));
        const digest = digestEntries(entries);
        const read = new Set(entries.map((entry) => entry.path));
        for (const entry of [...tree.descendants('')].filter(({ type }) => type === 'file')) {
          const changed = await treeOf(inputOf(name), (file, content) =>
            file === entry.path ? Buffer.concat([content, Buffer.from('\n# changed\n')]) : content,
          );
          const next = await renderer.inputs(changed, treePath(at)).then(
            (inputs) => digestEntries(inputs.entries),
            () => 'refused',
          );
          expect([entry.path, next === digest]).toEqual([entry.path, !read.has(entry.path)]);
        }
      },
    );

    it.each(bad)('refuses %s, naming the place and no secret', async (name) => {
      const { path: at } = readJson<Case>(testdata, name, 'case.json');
      const expected = readJson<{ code: string; message: string }>(testdata, name, 'expected', 'error.json');
      const error: unknown = await renderAt(renderer, await treeOf(inputOf(name)), at).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (!(error instanceof InputError))
        throw new Error(`${name} was not refused as an input error: ${String(error)}`);
      expect([error.code, error.message]).toEqual([expected.code, expect.stringContaining(expected.message)]);
      expect(`${error.message}${JSON.stringify(error.details)}${String(error.stack)}`).not.toContain('canary');
    });
  });
}
