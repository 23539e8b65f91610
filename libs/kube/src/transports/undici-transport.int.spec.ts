// SPDX-License-Identifier: Apache-2.0
import { type KubeServer, startKube, tempDir, type TempDir } from '@plumbline/testkit';
import { describeWith } from '@plumbline/testkit/vitest';
import { chmod, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server as TcpServer,
  type Socket,
} from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { KubeClient } from '../client.js';
import type { ApiResource } from '../types.js';
import { connectKube } from './undici-transport.js';

const configMaps: ApiResource = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
  verbs: [],
  preferred: true,
  subresources: [],
};
const CANARY = 'canary-2b7d';

/** Passes bytes on to the API server and counts connections, so that the client's TLS and HTTP/2 stay its own. */
class CountingProxy implements AsyncDisposable {
  readonly #server: TcpServer;

  connections = 0;
  private constructor(server: TcpServer) {
    this.#server = server;
  }

  static async to(url: string): Promise<CountingProxy> {
    const { hostname, port } = new URL(url);
    const server = createTcpServer((socket) => {
      proxy.connections += 1;
      const upstream = connect(Number(port), hostname);
      socket.pipe(upstream).pipe(socket);
      const end = (): void => {
        socket.destroy();
        upstream.destroy();
      };
      for (const side of [socket, upstream]) side.on('error', end).on('close', end);
    });
    const proxy = new CountingProxy(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

interface Kubeconfig {
  readonly clusters: { readonly cluster: Record<string, unknown> }[];
  readonly users: { user: Record<string, unknown> }[];
  readonly contexts: { readonly name: string; readonly context: { cluster: string } }[];
}

describeWith('kube', 'the transport to a real API server', () => {
  let server: KubeServer;
  let dir: TempDir;
  beforeAll(async () => {
    server = await startKube();
    dir = await tempDir('kubeconfig');
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  /** A kubeconfig file made from the server's own. */
  async function kubeconfig(name: string, change: (config: Kubeconfig) => void): Promise<string> {
    const config = parse(server.kubeconfig) as Kubeconfig;
    change(config);
    const file = path.join(dir.path, name);
    await writeFile(file, stringify(config));
    return file;
  }

  it('serves ten watches and 500 requests over a handful of connections', async () => {
    await using proxy = await CountingProxy.to(server.url);
    const file = await kubeconfig('counted', ({ clusters }) => {
      if (clusters[0]) clusters[0].cluster['server'] = proxy.url;
    });
    const client = new KubeClient(await connectKube({ kubeconfig: { path: file } }));
    const controller = new AbortController();
    const watches = await Promise.all(
      Array.from({ length: 10 }, () => client.watch(configMaps, { namespace: 'default' }, controller.signal)),
    );
    const found = await Promise.all(
      Array.from({ length: 500 }, (_, index) => client.get(configMaps, 'default', `none-${index}`)),
    );
    expect(found.every((object) => object === undefined)).toBe(true);
    for (let index = 0; index < 20; index += 1) await client.version();
    expect(proxy.connections).toBeGreaterThan(0);
    expect(proxy.connections).toBeLessThanOrEqual(8);
    controller.abort();
    expect(watches.map(({ status }) => status)).toEqual(Array(10).fill(200));
    await client.close();
  });

  it('keeps requests quick while a watch is not read', async () => {
    const client = new KubeClient(await connectKube({ kubeconfig: { path: server.kubeconfigPath } }));
    const controller = new AbortController();
    await client.watch(configMaps, { namespace: 'default' }, controller.signal);
    // More than the flow-control window of an HTTP/2 connection.
    const data = { x: 'x'.repeat(100_000) };
    for (let index = 0; index < 12; index += 1) {
      await client.apply(configMaps, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: `big-${index}`, namespace: 'default' },
        data,
      });
    }
    expect(await client.get(configMaps, 'default', 'big-11')).toMatchObject({ data });
    controller.abort();
    await client.close();
  });

  it('authenticates by the token of an exec plugin, and asks the plugin once while the token is good', async () => {
    const admin = await connectKube({ kubeconfig: { path: server.kubeconfigPath } });
    const create = async (apiPath: string, body: object): Promise<{ status: { token: string } }> =>
      JSON.parse(
        await (
          await admin.request({
            method: 'POST',
            path: apiPath,
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify(body),
          })
        ).text(),
      ) as { status: { token: string } };
    await create('/api/v1/namespaces/default/serviceaccounts', {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'bot' },
    });
    const {
      status: { token },
    } = await create('/api/v1/namespaces/default/serviceaccounts/bot/token', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: 3_600 },
    });
    const log = path.join(dir.path, 'plugin.log');
    const plugin = path.join(dir.path, 'plugin.sh');
    const credential = {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token, expirationTimestamp: new Date(Date.now() + 3_600_000).toISOString() },
    };
    await writeFile(plugin, `#!/bin/sh\necho called >> ${log}\ncat <<'END'\n${JSON.stringify(credential)}\nEND\n`);
    await chmod(plugin, 0o700);
    const file = await kubeconfig('exec', ({ users }) => {
      if (users[0])
        users[0].user = {
          exec: { apiVersion: 'client.authentication.k8s.io/v1', command: plugin, interactiveMode: 'Never' },
        };
    });
    const transport = await connectKube({ kubeconfig: { path: file } });
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
    for (let index = 0; index < 3; index += 1) {
      const answer = await transport.request({
        method: 'POST',
        path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(review),
      });
      expect(JSON.parse(await answer.text())).toMatchObject({
        status: { userInfo: { username: 'system:serviceaccount:default:bot' } },
      });
    }
    const { readFile } = await import('node:fs/promises');
    expect(await readFile(log, 'utf8')).toBe('called\n');
    await transport.close();
    await admin.close();
  });

  it('sends a token from the kubeconfig and says 401 for a wrong one, without naming it', async () => {
    const file = await kubeconfig('wrong-token', ({ users }) => {
      if (users[0]) users[0].user = { token: CANARY };
    });
    const client = new KubeClient(await connectKube({ kubeconfig: { path: file } }), { cluster: 'prod' });
    const error: unknown = await client
      .version()
      .then(() => client.get(configMaps, 'default', 'a'))
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ status: 401, code: 'PLB-6108', message: expect.stringContaining('prod') });
    expect(JSON.stringify(error) + String(error)).not.toContain(CANARY);
    await client.close();
  });

  it('names what is wrong with a kubeconfig: no file, no YAML, no such context, no such cluster, no URL', async () => {
    const broken = path.join(dir.path, 'broken');
    await writeFile(broken, `users:\n- name: x\n  user:\n    token: "${CANARY}\n`);
    const dangling = await kubeconfig('dangling', ({ contexts }) => {
      contexts.forEach((entry) => {
        entry.context.cluster = 'none';
      });
    });
    const odd = await kubeconfig('odd', ({ clusters }) => {
      if (clusters[0]) clusters[0].cluster['server'] = 'not a url';
    });
    const clear = await kubeconfig('clear', ({ clusters }) => {
      if (clusters[0]) clusters[0].cluster['server'] = 'http://10.0.0.1:8080';
    });
    const socks = await kubeconfig('socks', ({ clusters }) => {
      if (clusters[0]) clusters[0].cluster['proxy-url'] = 'socks5://127.0.0.1:1080';
    });
    const cases: [string, string | undefined, RegExp][] = [
      [path.join(dir.path, 'absent'), undefined, /absent cannot be read: ENOENT/],
      [broken, undefined, /broken cannot be read: it is not a valid kubeconfig/],
      [server.kubeconfigPath, 'production', /has no context "production"; it has: \S+/],
      [dangling, undefined, /names a cluster that the file does not have/],
      [odd, undefined, /server address/],
      [socks, undefined, /proxy-url must begin with http/],
      [clear, undefined, /is http:\/\/ and not on this machine/],
    ];
    for (const [file, context, message] of cases) {
      const error: unknown = await connectKube({ kubeconfig: { path: file, context } }).catch(
        (caught: unknown) => caught,
      );
      expect(error).toMatchObject({ code: 'PLB-6123', retry: 'never', message: expect.stringMatching(message) });
      expect(String(error)).not.toContain(CANARY);
    }
  });

  it('hides what a failing credential plugin printed', async () => {
    const plugin = path.join(dir.path, 'failing.sh');
    await writeFile(plugin, `#!/bin/sh\necho "token was ${CANARY}" >&2\nexit 1\n`);
    await chmod(plugin, 0o700);
    const file = await kubeconfig('failing', ({ users }) => {
      if (users[0]) users[0].user = { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: plugin } };
    });
    const client = new KubeClient(await connectKube({ kubeconfig: { path: file } }));
    const error: unknown = await client.version().catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'PLB-6123', retry: 'after-delay' });
    expect(String(error)).not.toContain(CANARY);
    await client.close();
  });

  it('refuses a server whose certificate it does not trust and says what to check', async () => {
    const file = await kubeconfig('untrusted', ({ clusters }) => {
      if (clusters[0]) delete clusters[0].cluster['certificate-authority-data'];
    });
    const client = new KubeClient(await connectKube({ kubeconfig: { path: file } }));
    await expect(client.version()).rejects.toMatchObject({
      code: 'PLB-6122',
      message: expect.stringContaining('certificate authority'),
    });
    await client.close();
  });

  it('goes through the proxy that the kubeconfig names', async () => {
    let tunnels = 0;
    const proxy = createServer().on('connect', (request: IncomingMessage, socket: Socket) => {
      tunnels += 1;
      const { hostname, port } = new URL(`http://${request.url ?? ''}`);
      const upstream = connect(Number(port), hostname, () => {
        socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
        socket.pipe(upstream).pipe(socket);
      });
      for (const side of [socket, upstream]) side.on('error', () => socket.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.address() as AddressInfo;
    const file = await kubeconfig('proxied', ({ clusters }) => {
      if (clusters[0]) clusters[0].cluster['proxy-url'] = `http://127.0.0.1:${port}`;
    });
    const client = new KubeClient(await connectKube({ kubeconfig: { path: file } }));
    expect((await client.version()).gitVersion).toMatch(/^v1\./);
    expect(
      await Promise.all(Array.from({ length: 50 }, (_, index) => client.get(configMaps, 'default', `none-${index}`))),
    ).toHaveLength(50);
    expect(tunnels).toBeGreaterThan(0);
    expect(tunnels).toBeLessThanOrEqual(16);
    await client.close();
    await new Promise((resolve) => proxy.close(resolve));
  });

  it('takes text and given credentials as well as a file', async () => {
    const { caPem, certPem, keyPem } = server.admin;
    for (const connection of [
      { kubeconfigText: { text: server.kubeconfig } },
      { direct: { server: server.url, certificateAuthority: caPem, clientCertificate: certPem, clientKey: keyPem } },
    ]) {
      const client = new KubeClient(await connectKube(connection));
      expect((await client.version()).gitVersion).toMatch(/^v1\./);
      await client.close();
    }
  });
});

describe('the transport to any HTTP server', () => {
  let seen: IncomingMessage[] = [];
  let respond: (request: IncomingMessage, response: ServerResponse) => void = (_, response) => response.end('{}');
  let http: Server;
  let url: string;
  beforeAll(async () => {
    http = createServer((request, response) => {
      seen.push(request);
      respond(request, response);
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  });

  it('keeps the path as it is, behind the prefix of a proxy, over HTTP/1.1', async () => {
    seen = [];
    const transport = await connectKube({ direct: { server: `${url}/k8s/clusters/c-1/`, token: CANARY } });
    await (
      await transport.request({
        method: 'GET',
        path: '/apis/rbac.authorization.k8s.io/v1/clusterroles/MyAdmin%3ARole?limit=1',
      })
    ).text();
    expect(seen[0]?.url).toBe(
      '/k8s/clusters/c-1/apis/rbac.authorization.k8s.io/v1/clusterroles/MyAdmin%3ARole?limit=1',
    );
    expect(seen[0]?.headers).toMatchObject({ authorization: `Bearer ${CANARY}`, 'user-agent': 'plumbline' });
    expect(seen[0]?.httpVersion).toBe('1.1');
    await transport.close();
  });

  it('splits lines across chunks and characters', async () => {
    respond = (_, response) => {
      const bytes = Buffer.from('{"a":"ä😀"}\n\n{"b":1}\n{"c":2}');
      response.write(bytes.subarray(0, 8));
      setImmediate(() => {
        response.write(bytes.subarray(8, 20));
        setImmediate(() => response.end(bytes.subarray(20)));
      });
    };
    const transport = await connectKube({ direct: { server: url } });
    const lines: string[] = [];
    for await (const line of (await transport.request({ method: 'GET', path: '/w?watch=true' })).lines())
      lines.push(line);
    expect(lines).toEqual(['{"a":"ä😀"}', '{"b":1}', '{"c":2}']);
    await transport.close();
  });

  it('is an upstream error when a connection breaks in the middle, is refused, or takes too long', async () => {
    respond = (_, response) => {
      response.write('{"a":1}\n');
      setImmediate(() => response.destroy());
    };
    const transport = await connectKube({ direct: { server: url } });
    const response = await transport.request({ method: 'GET', path: '/w?watch=true' });
    const read = async (): Promise<void> => {
      for await (const line of response.lines()) expect(line).toBe('{"a":1}');
    };
    await expect(read()).rejects.toMatchObject({ code: 'PLB-6120', retry: 'after-delay' });
    respond = () => undefined;
    // time is what this tests
    await expect(new KubeClient(transport, { timeoutMs: 50 }).version()).rejects.toMatchObject({
      code: 'PLB-6124',
      retry: 'after-delay',
    });
    await transport.close();
    await expect(transport.request({ method: 'GET', path: '/' })).rejects.toMatchObject({ code: 'PLB-6125' });
    const nobody = await connectKube({ direct: { server: 'http://127.0.0.1:1' } });
    await expect(nobody.request({ method: 'GET', path: '/' })).rejects.toMatchObject({
      code: 'PLB-6120',
      details: { code: 'ECONNREFUSED' },
    });
    await nobody.close();
  });

  it('gives back the reason of who aborted, before and during a request', async () => {
    respond = () => undefined;
    const transport = await connectKube({ direct: { server: url } });
    const before = AbortSignal.abort(new Error('changed my mind'));
    await expect(transport.request({ method: 'GET', path: '/', signal: before })).rejects.toThrow('changed my mind');
    const controller = new AbortController();
    const pending = expect(transport.request({ method: 'GET', path: '/', signal: controller.signal })).rejects.toThrow(
      'no longer',
    );
    setImmediate(() => controller.abort(new Error('no longer')));
    await pending;
    await transport.close();
  });

  it('says that it is not in a pod when it is not', async () => {
    await expect(connectKube({ inCluster: true })).rejects.toMatchObject({
      code: 'PLB-6123',
      message: expect.stringContaining('KUBERNETES_SERVICE_HOST'),
    });
  });

  it('reads a kubeconfig file again after a 401', async () => {
    await using dir = await tempDir('rewritten');
    const file = path.join(dir.path, 'config');
    const write = (token: string): Promise<void> =>
      writeFile(
        file,
        stringify({
          clusters: [{ name: 'c', cluster: { server: url } }],
          users: [{ name: 'u', user: { token } }],
          contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
          'current-context': 'x',
        }),
      );
    await write('old');
    respond = (request, response) => {
      response.statusCode = request.headers.authorization === 'Bearer new' ? 200 : 401;
      response.end('{}');
    };
    const transport = await connectKube({ kubeconfig: { path: file } });
    const status = async (): Promise<number> => (await transport.request({ method: 'GET', path: '/version' })).status;
    expect(await status()).toBe(401);
    await write('new');
    expect(await status()).toBe(200);
    await transport.close();
  });

  it('resolves credentials again after a 401', async () => {
    await using dir = await tempDir('rotation');
    const tokenFile = path.join(dir.path, 'token');
    await writeFile(tokenFile, 'old');
    respond = (request, response) => {
      response.statusCode = request.headers.authorization === 'Bearer new' ? 200 : 401;
      response.end('{}');
    };
    const plugin = path.join(dir.path, 'plugin.sh');
    await writeFile(
      plugin,
      `#!/bin/sh\nprintf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"expirationTimestamp":"2020-01-01T00:00:00Z","token":"%s"}}' "$(cat ${tokenFile})"\n`,
    );
    await chmod(plugin, 0o700);
    const text = stringify({
      clusters: [{ name: 'c', cluster: { server: url } }],
      users: [{ name: 'u', user: { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: plugin } } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    });
    const transport = await connectKube({ kubeconfigText: { text } });
    const status = async (): Promise<number> => (await transport.request({ method: 'GET', path: '/version' })).status;
    expect(await status()).toBe(401);
    await writeFile(tokenFile, 'new');
    expect(await status()).toBe(200);
    await transport.close();
  });
});
