// SPDX-License-Identifier: Apache-2.0
// The fastest that this machine's API server takes the same requests from a client that does nothing else.
import { Pool } from 'undici';

const CONNECTIONS = 16;
const PATHS = {
  ConfigMap: ['/api/v1', 'configmaps'],
  ServiceAccount: ['/api/v1', 'serviceaccounts'],
  Service: ['/api/v1', 'services'],
  Deployment: ['/apis/apps/v1', 'deployments'],
};

export async function openBaseline(kube) {
  const { caPem, certPem, keyPem } = kube.admin;
  const pool = new Pool(kube.url, {
    connections: CONNECTIONS,
    pipelining: 1,
    connect: { ca: caPem, cert: certPem, key: keyPem },
  });
  const send = async (method, path, body, contentType) => {
    const response = await pool.request({
      method,
      path,
      body: body === undefined ? undefined : JSON.stringify(body),
      headers: { 'content-type': contentType, accept: 'application/json', 'user-agent': 'bare-client' },
    });
    const text = await response.body.text();
    if (response.statusCode >= 300) throw new Error(`${method} ${path}: ${response.statusCode} ${text.slice(0, 300)}`);
  };
  return {
    namespace: async (name) =>
      send(
        'POST',
        '/api/v1/namespaces',
        { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
        'application/json',
      ),
    /** Objects per second, and CPU milliseconds of this client for each. */
    applyAll: async (objects, namespace) => {
      const queue = objects.values();
      const cpu = process.cpuUsage();
      const started = performance.now();
      await Promise.all(
        Array.from({ length: CONNECTIONS }, async () => {
          for (const object of queue) {
            const [base, plural] = PATHS[object.kind];
            const path = `${base}/namespaces/${namespace}/${plural}/${object.metadata.name}?fieldManager=bare-client&force=true&fieldValidation=Strict`;
            await send(
              'PATCH',
              path,
              { ...object, metadata: { ...object.metadata, namespace } },
              'application/apply-patch+yaml',
            );
          }
        }),
      );
      const seconds = (performance.now() - started) / 1_000;
      const used = process.cpuUsage(cpu);
      return { seconds, rate: objects.length / seconds, cpuMs: (used.user + used.system) / 1_000 / objects.length };
    },
    close: async () => pool.close(),
  };
}
