// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { connect, credsAuthenticator, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node';
import { InputError, messageOf, UpstreamError } from '@plumbline/core';

/** How to reach the servers. */
export interface NatsLinkOptions {
  /**
   * `nats://[user:password@ or token@]host:port`, several separated by commas; `tls://` asks for TLS. Userinfo is
   * never logged.
   */
  readonly url: string;
  /** Credentials file (JWT and nkey seed); read again at every connect, so it may be rotated. */
  readonly credsFile?: string;
  /**
   * Files in PEM: authorities that the server is checked against, and what this process shows. With them the
   * connection uses TLS.
   */
  readonly tls?: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string };
  /** Shown by the server's monitoring. */
  readonly name: string;
  /** Called when the connection comes and goes. */
  readonly onStatus?: (status: 'connected' | 'disconnected') => void;
  /** Called for what the server refuses while connected, for example a missing permission. */
  readonly onError?: (message: string) => void;
}

interface Address {
  readonly server: string;
  readonly tls: boolean;
  readonly login: { readonly token?: string; readonly user?: string; readonly pass?: string };
}

function parseAddress(text: string): Address {
  const url = URL.parse(text.trim());
  if (url === null || (url.protocol !== 'nats:' && url.protocol !== 'tls:') || url.hostname === '') {
    throw new InputError('PLB-1910', 'the address of NATS must be nats://host:port or tls://host:port');
  }
  const server = `${url.hostname}:${url.port === '' ? '4222' : url.port}`;
  const tls = url.protocol === 'tls:';
  if (url.username === '') return { server, tls, login: {} };
  const user = decodeURIComponent(url.username);
  return {
    server,
    tls,
    login: url.password === '' ? { token: user } : { user, pass: decodeURIComponent(url.password) },
  };
}

function connectionOptions(options: NatsLinkOptions): NodeConnectionOptions {
  const addresses = options.url.split(',').map(parseAddress);
  const login = addresses.map((address) => address.login).find((one) => Object.keys(one).length > 0);
  const { credsFile, tls } = options;
  return {
    servers: addresses.map((address) => address.server),
    name: options.name,
    // Without NATS the services only are slower, so there is never a reason to give up.
    waitOnFirstConnect: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    ignoreAuthErrorAbort: true,
    pingInterval: 20_000,
    maxPingOut: 2,
    ...(tls !== undefined || addresses.some((address) => address.tls) ? { tls: { ...tls } } : {}),
    ...(credsFile === undefined ? {} : { authenticator: credsAuthenticator(() => readFileSync(credsFile)) }),
    ...login,
  };
}

/** The connection of a process to NATS. Reconnects until closed. */
export class NatsLink {
  readonly #options: NatsLinkOptions;
  readonly #connecting: Promise<NatsConnection>;
  #connection: NatsConnection | undefined;
  #connected = false;
  #closed = false;

  /** Starts to connect at once, in the background. @throws InputError PLB-1910 when the URL is none. */
  constructor(options: NatsLinkOptions) {
    this.#options = options;
    this.#connecting = connect(connectionOptions(options)).then((connection) => this.#adopt(connection));
    // A caller that needs the connection gets the rejection; there may be none.
    this.#connecting.catch((error: unknown) => options.onError?.(messageOf(error)));
  }

  get connected(): boolean {
    return this.#connected;
  }

  /**
   * The connection, once there is one.
   * @throws UpstreamError PLB-6010 when there was none within the time, or the link was closed.
   */
  async connection(timeoutMs: number): Promise<NatsConnection> {
    if (this.#closed) throw new UpstreamError('PLB-6010', 'the connection to NATS was closed', { retry: 'never' });
    if (this.#connection !== undefined) return this.#connection;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () => reject(new UpstreamError('PLB-6010', `NATS was not reachable within ${timeoutMs} ms`)),
        timeoutMs,
      );
    });
    try {
      return await Promise.race([this.#connecting, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends what is buffered and closes. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#connected = false;
    const connection = this.#connection;
    if (connection === undefined) {
      // Still dialling: there is no way to call it off, so close it when it comes.
      void this.#connecting.then(async (late) => late.close()).catch(() => undefined);
      return;
    }
    await Promise.race([connection.drain().catch(async () => connection.close()), connection.closed()]);
  }

  #adopt(connection: NatsConnection): NatsConnection {
    this.#connection = connection;
    this.#report('connected');
    void this.#watch(connection);
    return connection;
  }

  async #watch(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') this.#report('disconnected');
      else if (status.type === 'reconnect') this.#report('connected');
      else if (status.type === 'error') this.#options.onError?.(messageOf(status.error));
    }
    this.#report('disconnected');
  }

  #report(status: 'connected' | 'disconnected'): void {
    const connected = status === 'connected' && !this.#closed;
    if (connected === this.#connected) return;
    this.#connected = connected;
    this.#options.onStatus?.(connected ? 'connected' : 'disconnected');
  }
}
