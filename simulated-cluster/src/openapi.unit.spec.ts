// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { expect, test, vi } from 'vitest';
import { compactDocument, validateObject } from '@plumbline/kube/schema';
import { SimulatedCluster } from './index.js';
import { type Obj, textAt } from './value.js';

const PATH = 'apis/example.org/v1';
const definition = (properties: Obj): string =>
  JSON.stringify({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'widgets.example.org' },
    spec: {
      group: 'example.org',
      scope: 'Namespaced',
      names: { kind: 'Widget', plural: 'widgets', singular: 'widget', listKind: 'WidgetList' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties } } } },
        },
      ],
    },
  });

test('the published schemas follow a definition, under the hash of their text', async () => {
  const transport = new SimulatedCluster({ name: 'sim' }).transport();
  const text = async (path: string): Promise<string> =>
    (await transport.request({ method: 'GET', path, headers: { accept: 'application/json' } })).text();
  const urlOf = async (): Promise<string | undefined> =>
    textAt(JSON.parse(await text('/openapi/v3')) as Obj, 'paths', PATH, 'serverRelativeURL');
  const define = async (properties: Obj): Promise<void> => {
    const path =
      '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.org?fieldManager=test&force=true';
    const { status } = await transport.request({
      method: 'PATCH',
      path,
      headers: { 'content-type': 'application/apply-patch+yaml' },
      body: definition(properties),
    });
    expect(status).toBeLessThan(300);
  };
  expect(await urlOf()).toBeUndefined();
  await define({ size: { type: 'integer' } });
  const first = await vi.waitFor(async () => {
    const url = await urlOf();
    if (url === undefined) throw new Error('not published yet');
    return url;
  });
  const document = await text(first);
  expect(first).toBe(`/openapi/v3/${PATH}?hash=${createHash('sha512').update(document).digest('hex').toUpperCase()}`);
  const [widget] = compactDocument(JSON.parse(document));
  if (widget === undefined) throw new Error('no kind');
  const object = {
    apiVersion: 'example.org/v1',
    kind: 'Widget',
    metadata: { name: 'a', labels: { a: 1 } },
    spec: { size: 'x', color: 'red' },
  };
  expect(validateObject(widget.schema, object).map(({ path }) => path)).toEqual([
    'metadata.labels.a',
    'spec.size',
    'spec.color',
  ]);
  await define({ size: { type: 'integer' }, color: { type: 'string' } });
  await vi.waitFor(async () => expect(await urlOf()).not.toBe(first));
});
