// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { type Clock, messageOf, systemClock, UpstreamError } from '@plumbline/core';

/**
 * How a cluster is reached: a context of a kubeconfig file (or text), the pod's own service account, or given
 * outright.
 */
export type KubeConnection =
  | { readonly kubeconfig: { readonly path: string; readonly context?: string | undefined } }
  | { readonly kubeconfigText: { readonly text: string; readonly context?: string | undefined } }
  | { readonly inCluster: Readonly<Record<string, never>> | true }
  | { readonly direct: DirectConnection };

/** An address and credentials that do not change. */
export interface DirectConnection {
  readonly server: string;
  /** PEM. */
  readonly certificateAuthority?: string;
  readonly clientCertificate?: string;
  readonly clientKey?: string;
  readonly token?: string;
}

/** TLS options of a connection. */
export interface TlsMaterial {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

/** What a request needs now. Tokens and certificates may differ from one call to the next. */
export interface ResolvedCredentials {
  readonly tls: TlsMaterial;
  readonly headers: Readonly<Record<string, string>>;
}

/** Returns the URL of the server and current credentials for it. */
export interface CredentialSource {
  readonly server: URL;
  readonly proxyUrl: string | undefined;
  /** Runs exec plugins and reads token files as needed; cached for a short time. */
  resolve(): Promise<ResolvedCredentials>;
  /** Forgets cached credentials: the server answered 401. */
  expire(): void;
}

const CACHE_MS = 30_000;

/**
 * @throws UpstreamError PLB-6123 when the kubeconfig cannot be read, the context does not exist, or the credentials
 * cannot be had.
 */
export async function credentialSource(
  connection: KubeConnection,
  clock: Clock = systemClock,
): Promise<CredentialSource> {
  if ('direct' in connection) return directSource(connection.direct);
  // 90 MB and up to 0.9 s: only for those who connect to a real cluster, and only then.
  const { KubeConfig } = await import('@kubernetes/client-node');
  let config = new KubeConfig();
  const where = await load(config, connection);
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    throw new UpstreamError(
      'PLB-6123',
      `${where}: the context "${config.getCurrentContext()}" names a cluster that the file does not have`,
      { retry: 'never' },
    );
  }
  const server = parseServer(cluster.server, where);
  allowLoopbackHttp(config, server, where);
  let cached: { readonly value: Promise<ResolvedCredentials>; readonly untilMs: number } | undefined;
  let refused = false;
  // Plugins cache until a token's end and files are read once: only a fresh configuration gives other credentials
  // before that.
  const reload = async (): Promise<ResolvedCredentials> => {
    if (refused) {
      config = new KubeConfig();
      await load(config, connection);
      allowLoopbackHttp(config, server, where);
      refused = false;
    }
    return resolveFrom(config, where);
  };
  return {
    server,
    proxyUrl: parseProxy(cluster.proxyUrl, where),
    resolve: async () => {
      if (cached === undefined || cached.untilMs <= clock.nowMs()) {
        cached = { value: reload(), untilMs: clock.nowMs() + CACHE_MS };
        cached.value.catch(() => (cached = undefined));
      }
      return cached.value;
    },
    expire: () => {
      cached = undefined;
      refused = true;
    },
  };
}

type Loader = InstanceType<typeof import('@kubernetes/client-node').KubeConfig>;

async function load(
  config: Loader,
  connection: Exclude<KubeConnection, { readonly direct: unknown }>,
): Promise<string> {
  if ('inCluster' in connection) {
    config.loadFromCluster();
    if (!URL.canParse(config.getCurrentCluster()?.server ?? '')) {
      throw new UpstreamError(
        'PLB-6123',
        'this process does not run in a pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set',
        { retry: 'never' },
      );
    }
    return "the pod's service account";
  }
  const [where, wanted] =
    'kubeconfig' in connection
      ? [`kubeconfig ${connection.kubeconfig.path}`, connection.kubeconfig.context]
      : ['the kubeconfig', connection.kubeconfigText.context];
  try {
    if ('kubeconfig' in connection) {
      // loadFromFile resolves relative certificate paths; reading first gives the clearer error.
      await readFile(connection.kubeconfig.path);
      config.loadFromFile(connection.kubeconfig.path);
    } else config.loadFromString(connection.kubeconfigText.text);
  } catch (error) {
    const reason =
      typeof error === 'object' && error !== null && 'code' in error
        ? String(error.code)
        : 'it is not a valid kubeconfig';
    // The parser's own message quotes the line it stumbled over, which may be a token.
    throw new UpstreamError('PLB-6123', `${where} cannot be read: ${reason}`, { retry: 'never' });
  }
  const context = wanted ?? config.getCurrentContext();
  if (config.getContextObject(context) === null) {
    const names = config
      .getContexts()
      .map(({ name }) => name)
      .join(', ');
    throw new UpstreamError(
      'PLB-6123',
      `${where} has no context "${context}"; it has: ${names === '' ? 'none' : names}`,
      { retry: 'never' },
    );
  }
  config.setCurrentContext(context);
  return where;
}

/**
 * The library refuses plain HTTP unless certificates are not verified, which there are none of. Credentials never
 * leave the machine unencrypted.
 */
function allowLoopbackHttp(config: Loader, server: URL, where: string): void {
  if (server.protocol !== 'http:') return;
  if (!['127.0.0.1', '[::1]', 'localhost'].includes(server.hostname)) {
    throw new UpstreamError(
      'PLB-6123',
      `${where}: the server address is http:// and not on this machine; use https://`,
      { retry: 'never' },
    );
  }
  const current = config.getCurrentCluster();
  config.clusters = config.clusters.map((cluster) =>
    cluster === current ? { ...cluster, skipTLSVerify: true } : cluster,
  );
}

async function resolveFrom(config: Loader, where: string): Promise<ResolvedCredentials> {
  const options: Parameters<Loader['applyToHTTPSOptions']>[0] & Record<string, unknown> = {};
  try {
    await config.applyToHTTPSOptions(options);
  } catch (error) {
    // A plugin's output may hold the credential it was asked for.
    const code = typeof error === 'object' && error !== null && 'code' in error ? `: ${String(error.code)}` : '';
    throw new UpstreamError(
      'PLB-6123',
      `the credentials of ${where} could not be had${code}; run its credential plugin by hand to see why`,
    );
  }
  const { ca, cert, key, servername, rejectUnauthorized, auth, headers } = options;
  const tls = Object.fromEntries(
    Object.entries({ ca, cert, key, servername, rejectUnauthorized }).filter(
      ([, value]) => value !== undefined && value !== null,
    ),
  ) as TlsMaterial;
  const resolved: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers ?? {}))
    if (value !== undefined) resolved[name.toLowerCase()] = String(value);
  if (typeof auth === 'string') resolved['authorization'] = `Basic ${Buffer.from(auth).toString('base64')}`;
  return { tls, headers: resolved };
}

function directSource(direct: DirectConnection): CredentialSource {
  const tls: TlsMaterial = {
    ...(direct.certificateAuthority === undefined ? {} : { ca: direct.certificateAuthority }),
    ...(direct.clientCertificate === undefined ? {} : { cert: direct.clientCertificate }),
    ...(direct.clientKey === undefined ? {} : { key: direct.clientKey }),
  };
  const headers: Record<string, string> = direct.token === undefined ? {} : { authorization: `Bearer ${direct.token}` };
  return {
    server: parseServer(direct.server, 'the connection'),
    proxyUrl: undefined,
    resolve: async () => ({ tls, headers }),
    expire: () => undefined,
  };
}

function parseProxy(proxyUrl: string | undefined, where: string): string | undefined {
  if (proxyUrl === undefined || proxyUrl === '') return undefined;
  if (/^https?:/.test(proxyUrl) && URL.canParse(proxyUrl)) return proxyUrl;
  throw new UpstreamError(
    'PLB-6123',
    `${where}: proxy-url must begin with http:// or https://; other kinds of proxy are not supported`,
    { retry: 'never' },
  );
}

function parseServer(server: string, where: string): URL {
  let url: URL;
  try {
    url = new URL(server);
  } catch (error) {
    throw new UpstreamError('PLB-6123', `${where}: the server address is not a URL (${messageOf(error)})`, {
      retry: 'never',
    });
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new UpstreamError('PLB-6123', `${where}: the server address must begin with https:// or http://`, {
      retry: 'never',
    });
  }
  return url;
}
