// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { InputError } from '@plumbline/core';
import { describe, expect, it } from 'vitest';
import { parseManifests, refuseDuplicates } from './manifests.js';

const testdata = (name: string): string =>
  readFileSync(new URL(`../testdata/dialect/${name}`, import.meta.url), 'utf8');

function errorOf(run: () => unknown): InputError {
  try {
    run();
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

const configMap = (name: string, more = ''): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n${more}`;

describe('manifests in the dialect of kubectl', () => {
  it.each(['scalars', 'structure'])('reads %s.yaml as the kubectl binary does', (name) => {
    const objects = parseManifests(testdata(`${name}.yaml`), `${name}.yaml`).map(({ object }) => ({
      ...object,
      metadata: { ...object.metadata, labels: { ...object.metadata.labels, a: 'b' } },
    }));
    expect(objects).toEqual(JSON.parse(testdata(`${name}.kubectl.json`)));
  });

  it('gives each object the index of its document, empty ones counted', () => {
    const parsed = parseManifests(`---\n# nothing\n---\n${configMap('a')}---\n---\n${configMap('b')}`, 'x.yaml');
    expect(parsed.map(({ object, document }) => [object.metadata.name, document])).toEqual([
      ['a', 1],
      ['b', 3],
    ]);
  });

  it('reads nothing from a file without content', () => {
    for (const text of ['', '\n', '# only a comment\n', '---\n---\n', 'null\n', '\uFEFF'])
      expect(parseManifests(text, 'x.yaml')).toEqual([]);
    expect(parseManifests('', 'x.json')).toEqual([]);
  });

  it('accepts a byte order mark and Windows line ends', () => {
    expect(parseManifests(`\uFEFF${configMap('a').replaceAll('\n', '\r\n')}`, 'x.yaml')[0]?.object.metadata.name).toBe(
      'a',
    );
  });

  it.each([
    ['in YAML', 'x.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  k: 1\n  k: 2\n', 6],
    [
      'that are equal only after resolution',
      'x.yaml',
      'apiVersion: v1\nkind: X\nmetadata: {name: a}\ndata:\n  yes: 1\n  "true": 2\n',
      6,
    ],
    ['in JSON', 'x.json', '{"apiVersion": "v1",\n "kind": "X",\n "kind": "Y"}', 3],
    ['in a flow mapping', 'x.yaml', 'a: {b: 1, b: 2}', 1],
  ])('refuses duplicate keys %s, naming file, document and line', (_, file, text, line) => {
    const error = errorOf(() => parseManifests(text, file));
    expect(error.code).toBe('PLB-1403');
    expect(error.message).toContain(`${file}, document 1, line ${line}`);
  });

  it('refuses text that is not UTF-8, naming the file', () => {
    const error = errorOf(() => parseManifests(Buffer.from('a: \xff', 'latin1'), 'deploy/x.yaml'));
    expect([error.code, error.message]).toEqual(['PLB-1407', 'deploy/x.yaml is not UTF-8 text']);
  });

  it('limits what aliases expand to', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let level = 1; level < 9; level += 1)
      lines.push(`a${level}: &a${level} [${Array.from({ length: 10 }, () => `*a${level - 1}`).join(', ')}]`);
    expect(errorOf(() => parseManifests(lines.join('\n'), 'bomb.yaml')).code).toBe('PLB-1406');
    expect(errorOf(() => parseManifests('a: &a [*a]', 'loop.yaml')).code).toMatch(/PLB-140[26]/);
  });

  it('refuses nesting that would exhaust the stack', () => {
    expect(errorOf(() => parseManifests('['.repeat(100_000), 'deep.yaml')).code).toMatch(/PLB-140[26]/);
    expect(errorOf(() => parseManifests(`a: ${'['.repeat(500)}${']'.repeat(500)}`, 'deep.yaml')).code).toBe('PLB-1406');
  });

  it('keeps a key named __proto__ as data', () => {
    const [parsed] = parseManifests(configMap('a', 'data: {__proto__: x}'), 'x.yaml');
    expect(Object.keys(parsed?.object['data'] as object)).toEqual(['__proto__']);
  });

  it.each(['x.yaml', 'x.json'])('refuses whole numbers in %s that JavaScript would round', (file) => {
    expect(
      errorOf(() =>
        parseManifests('{"apiVersion": "v1", "kind": "X", "metadata": {"name": "a"}, "n": 9007199254740993}', file),
      ).code,
    ).toBe('PLB-1405');
  });

  it('reads several JSON documents from one file', () => {
    const one = (name: string): string =>
      JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { 'a"{': '}],"' } });
    expect(
      parseManifests(`${one('a')}\n${one('b')}`, 'x.json').map(({ object, document }) => [
        object.metadata.name,
        document,
      ]),
    ).toEqual([
      ['a', 0],
      ['b', 1],
    ]);
  });

  it.each(['{"a": }', '{"a": 1', '[1,2', '{"a" 1}', '{"a": tru}', '}'])(
    'refuses %s as JSON without quoting it',
    (text) => {
      const error = errorOf(() => parseManifests(text, 'x.json'));
      expect(error.code).toMatch(/PLB-140[28]/);
      expect(error.message).toContain('x.json, document 1');
    },
  );
});

describe('lists', () => {
  it('are expanded recursively; null and empty items are nothing', () => {
    const text = `
apiVersion: v1
kind: List
items:
  - ${JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } })}
  - {apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}, null]}
  - {apiVersion: v1, kind: ConfigMapList, items: [{metadata: {name: c}}]}
  - {apiVersion: v1, kind: List, items: null}
  - {apiVersion: v1, kind: List}
`;
    expect(
      parseManifests(text, 'x.yaml').map(({ object }) => [object.apiVersion, object.kind, object.metadata.name]),
    ).toEqual([
      ['v1', 'ConfigMap', 'a'],
      ['v1', 'ConfigMap', 'b'],
      ['v1', 'ConfigMap', 'c'],
    ]);
  });

  it('are not mistaken for custom kinds whose name ends in List', () => {
    const text = 'apiVersion: example.com/v1\nkind: AccessList\nmetadata: {name: a}\nitems: [{cidr: 10.0.0.0/8}]\n';
    expect(parseManifests(text, 'x.yaml').map(({ object }) => object.kind)).toEqual(['AccessList']);
  });
});

describe('what is not an object', () => {
  it.each([
    ['no apiVersion', 'kind: ConfigMap\nmetadata: {name: a}', 'ConfigMap has no apiVersion'],
    ['no kind', 'apiVersion: v1\nmetadata: {name: a}', 'a manifest has no kind'],
    ['no name', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {}', 'ConfigMap has no metadata.name'],
    ['no metadata', 'apiVersion: v1\nkind: ConfigMap', 'ConfigMap has no metadata.name'],
    ['generateName', 'apiVersion: v1\nkind: Pod\nmetadata: {generateName: a-}', 'Pod has generateName'],
    ['a name that is a number', 'apiVersion: v1\nkind: Pod\nmetadata: {name: 1}', 'must be text'],
    ['a name with a slash', 'apiVersion: v1\nkind: Pod\nmetadata: {name: a/b}', 'not a name that Kubernetes accepts'],
    [
      'a namespace with a slash',
      'apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: b/c}',
      'not a namespace name',
    ],
    [
      'an annotation that is a boolean',
      'apiVersion: v1\nkind: Pod\nmetadata: {name: a, annotations: {x: yes}}',
      'metadata.annotations["x"] must be text',
    ],
    ['a list', '- a\n- b', 'must be a mapping'],
    ['text', 'hello', 'must be a mapping'],
  ])('is refused: %s', (_, text, message) => {
    const error = errorOf(() => parseManifests(`---\n${configMap('ok')}---\n${text}`, 'deploy/web.yaml'));
    expect(error.code).toBe('PLB-1408');
    expect(error.message).toContain('deploy/web.yaml, document 2: ');
    expect(error.message).toContain(message);
    expect(error.details).toMatchObject({ file: 'deploy/web.yaml', document: 1 });
  });

  it('never shows a value of a broken Secret', () => {
    const canary = 'hunter2-canary';
    const broken = [
      `apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n  p: "${canary}\n`,
      `apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n  p: @${canary}\n`,
      `apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n\tp: ${canary}\n`,
      `apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {p: ${canary}\n`,
      `apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n  p: ${canary}: x: y\n`,
      `apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n  p: "\\q${canary}"\n`,
      `apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n  p: "${canary}"\n  p: "${canary}"\n`,
      `apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n  p: *${canary}\n`,
    ];
    for (const text of broken) {
      const error = errorOf(() => parseManifests(text, 'x.yaml'));
      expect(`${error.message} ${JSON.stringify(error.details)} ${String(error.cause)}`).not.toContain(canary);
    }
    const json = `{"apiVersion": "v1", "kind": "Secret", "stringData": {"p": "${canary}" x}}`;
    expect(errorOf(() => parseManifests(json, 'x.json')).message).not.toContain(canary);
  });
});

describe('duplicates', () => {
  const at = (file: string, text: string): ReturnType<typeof parseManifests> => parseManifests(text, file);

  it('are refused naming both files', () => {
    const error = errorOf(() =>
      refuseDuplicates([
        ...at('a.yaml', configMap('x')),
        ...at('b.yaml', `---\n${configMap('other')}---\n${configMap('x')}`),
      ]),
    );
    expect(error.code).toBe('PLB-1409');
    expect(error.message).toBe(
      'ConfigMap x is declared twice: in a.yaml, document 1 and in b.yaml, document 2; remove one',
    );
  });

  it('are found after namespace defaulting and across versions of a group', () => {
    const deployment = (version: string, namespace: string): string =>
      `apiVersion: apps/${version}\nkind: Deployment\nmetadata: {name: x${namespace}}\n`;
    const pair = [...at('a.yaml', deployment('v1', '')), ...at('b.yaml', deployment('v1beta1', ', namespace: web'))];
    expect(errorOf(() => refuseDuplicates(pair, { defaultNamespace: 'web' })).code).toBe('PLB-1409');
    expect(() => refuseDuplicates(pair, { defaultNamespace: 'other' })).not.toThrow();
  });
});
