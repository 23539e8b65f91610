// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { SimulatedCluster } from './index.js';

test('an applied object can be read back', async () => {
  const cluster = new SimulatedCluster({ name: 'test' });
  const transport = cluster.transport();
  const answer = await transport.request({
    method: 'PATCH', path: '/apis/apps/v1/namespaces/default/deployments/d?fieldManager=m2&fieldValidation=Strict',
    headers: { 'content-type': 'application/apply-patch+yaml' },
    body: '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},"spec":{"replicas":2,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"x","ports":[{"containerPort":80}]}]}}}}',
  });
  console.log(JSON.stringify(JSON.parse(await answer.text()), null, 1));
  expect(answer.status).toBe(201);
});
