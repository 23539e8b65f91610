// SPDX-License-Identifier: Apache-2.0
import { UpstreamError } from '@plumbline/core';
import type { Dispatcher } from 'undici';
import { KubeTransportError, transportError } from '../errors.js';
import type { KubeRequest, KubeResponse, KubeTransport } from '../kube-transport.port.js';
import { credentialSource, type CredentialSource, type KubeConnection, type TlsMaterial } from './credentials.js';

/** Limits of a connection to one API server. */
export interface UndiciTransportOptions {
  /** Sent as `user-agent`; default `plumbline`. */
  readonly userAgent?: string;
  /** Limit for opening a connection; default 10 seconds. */
  readonly connectTimeoutMs?: number;
  /** Connections for requests if the server supports HTTP/1.1 only; default 16. Watches have their own. */
  readonly maxConnections?: number;
}

interface Agents {
  readonly fingerprint: string;
  readonly requests: Dispatcher;
  readonly watches: Dispatcher;
}

/** True for a request that stays open: `watch=true` or `watch=1` in its query. */
export function isWatch(path: string): boolean {
  return /[?&]watch=(true|1)(&|$)/.test(path);
}

/**
 * A transport to a real API server over undici: HTTP/2 where the server supports it (one connection for requests, one
 * for watches), a pool otherwise.
 * Credentials are resolved again every half minute and after a 401, so rotated tokens and certificates are picked up.
 * @throws UpstreamError PLB-6123 when the kubeconfig or its context cannot be used.
 */
export async function connectKube(
  connection: KubeConnection,
  options: UndiciTransportOptions = {},
): Promise<KubeTransport> {
  const [source, undici] = await Promise.all([credentialSource(connection), import('undici')]);
  return new UndiciTransport(source, undici, options);
}

class UndiciTransport implements KubeTransport {
  readonly #source: CredentialSource;
  readonly #undici: typeof import('undici');
  readonly #options: UndiciTransportOptions;

  #agents: Agents | undefined;
  readonly #old = new Set<Agents>();
  readonly #opening = new Map<Dispatcher, Promise<unknown>>();
  readonly #opened = new WeakSet<Dispatcher>();
  #closed = false;
  readonly #origin: string;
  readonly #prefix: string;

  constructor(source: CredentialSource, undici: typeof import('undici'), options: UndiciTransportOptions) {
    this.#source = source;
    this.#undici = undici;
    this.#options = options;

    this.#origin = source.server.origin;
    this.#prefix = source.server.pathname.replace(/\/+$/, '');
  }

  async request(request: KubeRequest): Promise<KubeResponse> {
    if (this.#closed)
      throw new UpstreamError('PLB-6125', `the connection to ${this.#origin} is closed`, { retry: 'never' });
    request.signal?.throwIfAborted();
    const { tls, headers } = await this.#source.resolve();
    const agents = this.#agentsFor(tls);
    const dispatcher = isWatch(request.path) ? agents.watches : agents.requests;
    const response = await this.#firstAlone(dispatcher, () => this.#dispatch(dispatcher, request, headers));
    if (response.statusCode === 401) this.#source.expire();
    return toResponse(response, this.#origin, request.signal);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const all = [...this.#old, ...(this.#agents === undefined ? [] : [this.#agents])];
    this.#agents = undefined;
    const error = new UpstreamError('PLB-6125', `the connection to ${this.#origin} was closed`, { retry: 'never' });
    await Promise.all(all.flatMap(({ requests, watches }) => [requests.destroy(error), watches.destroy(error)]));
  }

  /**
   * Sends the first request alone: before the first response, undici opens a connection for each request of a burst,
   * also with HTTP/2.
   */
  async #firstAlone<T>(dispatcher: Dispatcher, send: () => Promise<T>): Promise<T> {
    while (!this.#opened.has(dispatcher)) {
      const first = this.#opening.get(dispatcher);
      if (first === undefined) {
        const attempt = send();
        const settled = attempt
          .then(
            () => this.#opened.add(dispatcher),
            () => undefined,
          )
          .finally(() => this.#opening.delete(dispatcher));
        this.#opening.set(dispatcher, settled);
        return attempt;
      }
      await first;
    }
    return send();
  }

  async #dispatch(
    dispatcher: Dispatcher,
    request: KubeRequest,
    credentials: Readonly<Record<string, string>>,
  ): Promise<Dispatcher.ResponseData> {
    const { method, path, body, headers, signal } = request;
    try {
      return await dispatcher.request({
        origin: this.#origin,
        method,
        path: this.#prefix + path,
        headers: { 'user-agent': this.#options.userAgent ?? 'plumbline', ...headers, ...credentials },
        ...(body === undefined ? {} : { body }),
        ...(signal === undefined ? {} : { signal }),
        ...(isWatch(path) ? { bodyTimeout: 0 } : {}),
      });
    } catch (error) {
      throw failure(error, this.#origin, signal);
    }
  }

  #agentsFor(tls: TlsMaterial): Agents {
    const fingerprint = JSON.stringify(
      [tls.ca, tls.cert, tls.key, tls.servername, tls.rejectUnauthorized].map((part) => part?.toString() ?? ''),
    );
    if (this.#agents?.fingerprint === fingerprint) return this.#agents;
    if (this.#agents !== undefined) this.#retire(this.#agents);
    this.#agents = {
      fingerprint,
      requests: this.#dispatcher(tls, this.#options.maxConnections ?? 16),
      watches: this.#dispatcher(tls, undefined),
    };
    return this.#agents;
  }

  /** New requests use the new certificates; what is open runs to its end. */
  #retire(agents: Agents): void {
    this.#old.add(agents);
    void Promise.allSettled([agents.requests.close(), agents.watches.close()]).then(() => this.#old.delete(agents));
  }

  #dispatcher(tls: TlsMaterial, connections: number | undefined): Dispatcher {
    const timeout = this.#options.connectTimeoutMs ?? 10_000;
    const shared = {
      allowH2: true,
      headersTimeout: 90_000,
      bodyTimeout: 90_000,
      keepAliveTimeout: 60_000,
      ...(connections === undefined ? {} : { connections }),
    };
    const { proxyUrl } = this.#source;
    return proxyUrl === undefined
      ? new this.#undici.Agent({ ...shared, connect: { ...tls, timeout } })
      : new this.#undici.ProxyAgent({ ...shared, uri: proxyUrl, requestTls: { ...tls, timeout } });
  }
}

function failure(error: unknown, where: string, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) {
    const reason: unknown = signal.reason;
    const timedOut = reason instanceof Error && reason.name === 'TimeoutError';
    return timedOut
      ? new KubeTransportError('PLB-6124', `the API server at ${where} did not answer in time`, { cause: reason })
      : reason;
  }
  return error instanceof UpstreamError ? error : transportError(where, error);
}

function toResponse(response: Dispatcher.ResponseData, where: string, signal: AbortSignal | undefined): KubeResponse {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.headers)) {
    if (value !== undefined) headers[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
  }
  return {
    status: response.statusCode,
    headers,
    text: async () => {
      try {
        return await response.body.text();
      } catch (error) {
        throw failure(error, where, signal);
      }
    },
    lines: () => lines(response.body, where, signal),
  };
}

async function* lines(
  body: AsyncIterable<Buffer>,
  where: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let pending = '';
  try {
    for await (const chunk of body) {
      pending += decoder.decode(chunk, { stream: true });
      let end = pending.indexOf('\n');
      while (end >= 0) {
        const line = pending.slice(0, end);
        pending = pending.slice(end + 1);
        if (line !== '') yield line;
        end = pending.indexOf('\n');
      }
    }
  } catch (error) {
    throw failure(error, where, signal);
  }
  if (pending.trim() !== '') yield pending;
}
