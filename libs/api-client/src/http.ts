// SPDX-License-Identifier: Apache-2.0
import { InputError, messageOf, UpstreamError } from '@plumbline/core';
import { errorFrom } from './api-error.js';

/** How a client reaches its server. */
export interface ClientOptions {
  /** `http(s)://HOST[:PORT]`, with a path if a proxy serves it below one. */
  readonly server: string;
  readonly token?: string;
  readonly userAgent?: string;
  /** Gives up an answer after this long; 60,000 when absent. Event streams are not limited. */
  readonly timeoutMs?: number;
  /** The platform's own when absent. */
  readonly fetch?: typeof fetch;
}

/** Value of a query parameter; lists are joined by commas, `undefined` is left out. */
export type QueryValue = string | number | boolean | readonly string[] | undefined;

/** One call of the API. */
export interface Call {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, QueryValue>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
  /** Time that the server itself may take, on top of the client's limit. */
  readonly serverWaitMs?: number | undefined;
}

/** Sends calls to the server, as JSON, with the token. */
export class Http {
  readonly #options: ClientOptions;

  readonly #base: string;
  readonly #fetch: typeof fetch;

  constructor(options: ClientOptions) {
    this.#options = options;

    this.#base = parseServer(options.server);
    this.#fetch = options.fetch ?? fetch;
  }

  /** @throws ApiError for an error answer; UpstreamError PLB-6701 when the server cannot be reached in time. */
  async json<Result>(call: Call): Promise<Result> {
    const limit = AbortSignal.timeout((this.#options.timeoutMs ?? 60_000) + (call.serverWaitMs ?? 0));
    const signal = call.signal === undefined ? limit : AbortSignal.any([limit, call.signal]);
    const response = await this.#send(call, signal, {});
    if (!response.ok) throw await errorFrom(response);
    try {
      return (await response.json()) as Result;
    } catch (error) {
      throw new UpstreamError('PLB-6702', `the answer of ${this.#base} is not JSON; is the address right?`, {
        cause: error,
        retry: 'never',
      });
    }
  }

  /**
   * The bytes of an answer. @throws ApiError for an error answer; UpstreamError PLB-6701 when the server cannot be
   * reached in time.
   */
  async bytes(call: Call): Promise<Buffer> {
    const response = await this.#send(call, AbortSignal.timeout(this.#options.timeoutMs ?? 60_000), { accept: '*/*' });
    if (!response.ok) throw await errorFrom(response);
    return Buffer.from(await response.arrayBuffer());
  }

  /** Opens a stream; the caller reads the body. */
  async stream(call: Call, headers: Readonly<Record<string, string>>): Promise<ReadableStream<Uint8Array>> {
    const response = await this.#send(call, call.signal, { accept: 'text/event-stream', ...headers });
    if (!response.ok) throw await errorFrom(response);
    if (response.body === null || !(response.headers.get('content-type') ?? '').startsWith('text/event-stream')) {
      throw new UpstreamError('PLB-6702', `the answer of ${this.#base} is not an event stream; is the address right?`, {
        retry: 'never',
      });
    }
    return response.body;
  }

  async #send(
    call: Call,
    signal: AbortSignal | undefined,
    headers: Readonly<Record<string, string>>,
  ): Promise<Response> {
    const { token, userAgent } = this.#options;
    try {
      return await this.#fetch(this.#base + call.path + queryText(call.query), {
        method: call.method,
        // A redirect could carry the token to another host.
        redirect: 'error',
        headers: {
          accept: 'application/json',
          ...(userAgent === undefined ? {} : { 'user-agent': userAgent }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (error) {
      if (call.signal?.aborted === true) throw error;
      const reason = error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
      throw new UpstreamError('PLB-6701', `the server ${this.#base} cannot be reached: ${reason}`, { cause: error });
    }
  }
}

function parseServer(server: string): string {
  const url = URL.canParse(server) ? new URL(server) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw new InputError('PLB-1790', 'the server must be an http:// or https:// URL without user and password');
  }
  return url.origin + url.pathname.replace(/\/+$/, '');
}

function queryText(query: Call['query']): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value === undefined) continue;
    parameters.set(name, typeof value === 'object' ? value.join(',') : String(value));
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}
