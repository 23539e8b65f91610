// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { credentials, Metadata, status } from '@grpc/grpc-js';
import type { CallOptions, ChannelCredentials, ClientReadableStream, ClientUnaryCall, ServiceError } from '@grpc/grpc-js';
import { InputError, messageOf, PlumblineError, UpstreamError } from '@plumbline/core';
import { LogClient } from './generated/plumbline/internal/v1/log.js';
import { LogTreeClient } from './generated/plumbline/internal/v1/tree.js';
import { withTrace } from './trace.js';
import { errorFromStatus } from './wire-errors.js';

/** How to reach the door of the log. */
export interface LogChannelOptions {
  /** `grpc://host:port`, or `grpcs://host:port` for TLS. */
  readonly url: string;
  /** The secret that the services share. */
  readonly token: string;
  /** PEM file of the authorities to trust with `grpcs:`; the system's when absent. */
  readonly caFile?: string;
  /** For one attempt; 10,000 when absent. */
  readonly attemptTimeoutMs?: number;
  /** For a call with all its attempts; 30,000 when absent. */
  readonly timeoutMs?: number;
}

type Callback<Response> = (error: ServiceError | null, response: Response) => void;
type Unary<Request, Response> = (request: Request, metadata: Metadata, options: Partial<CallOptions>, callback: Callback<Response>) => ClientUnaryCall;

/** Bytes of one message at most, in both directions: a bundle of 256 entries of 65,535 bytes fits. */
export const MAX_MESSAGE_BYTES = 17 * 1024 * 1024;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

function credentialsFor(protocol: string, caFile: string | undefined): ChannelCredentials {
  if (protocol === 'grpc:') return credentials.createInsecure();
  if (protocol === 'grpcs:') return credentials.createSsl(caFile === undefined ? null : readFileSync(caFile));
  throw new InputError('PLB-1157', `the log cannot be reached over "${protocol}": write grpc://host:port or grpcs://host:port`);
}

/** One connection to the door of the log, shared by everything of a process that talks to it. Connects at the first call. */
export class LogChannel {
  readonly client: LogClient;
  /** The tree of the log, over the same connection. */
  readonly tree: LogTreeClient;
  readonly #metadata = new Metadata();
  readonly #address: string;

  /** @throws InputError PLB-1157 for a URL that is not a gRPC one */
  constructor(private readonly options: LogChannelOptions) {
    const { protocol, host, port } = new URL(options.url);
    if (port === '') throw new InputError('PLB-1157', `the URL of the log names no port: write grpc://host:port`);
    this.#address = host;
    this.#metadata.set('authorization', `Bearer ${options.token}`);
    const channelCredentials = credentialsFor(protocol, options.caFile);
    this.client = new LogClient(host, channelCredentials, {
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
      'grpc.keepalive_time_ms': 20_000,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.min_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 2_000,
      // With several processes behind one name, the next attempt may reach the one that leads.
      'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
      // Retries are ours: they know that the request id makes an append safe to repeat.
      'grpc.enable_retries': 0,
    });
    this.tree = new LogTreeClient(host, channelCredentials, { channelOverride: this.client.getChannel() });
  }

  /**
   * One call with a deadline; tried again while the log is not there or not leading, until the time is over.
   * Everything on this door is safe to repeat: reads by nature, appends by their request id.
   */
  async unary<Request, Response>(method: Unary<Request, Response>, request: Request): Promise<Response> {
    const endMs = performance.now() + (this.options.timeoutMs ?? 30_000);
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        return await this.#once(method, request, endMs);
      } catch (error) {
        const failure = this.#translate(error);
        const waitMs = pauseMs * (0.5 + Math.random());
        if (!(failure instanceof UpstreamError) || failure.retry === 'never' || performance.now() + waitMs > endMs) throw failure;
        await new Promise((resolve) => setTimeout(resolve, waitMs));
      }
    }
  }

  /** The messages of a streaming call; ends with the signal. Not tried again: the caller knows from where to go on. */
  async *stream<Response>(open: (metadata: Metadata, options: Partial<CallOptions>) => ClientReadableStream<Response>, signal?: AbortSignal): AsyncGenerator<Response, void> {
    const call = open(this.#metadata, {});
    const cancel = (): void => call.cancel();
    signal?.addEventListener('abort', cancel);
    try {
      if (signal?.aborted === true) return;
      for await (const message of call as AsyncIterable<Response>) yield message;
    } catch (error) {
      if (signal?.aborted !== true) throw this.#translate(error);
    } finally {
      signal?.removeEventListener('abort', cancel);
      call.cancel();
    }
  }

  close(): void {
    this.client.close();
  }

  #once<Request, Response>(method: Unary<Request, Response>, request: Request, endMs: number): Promise<Response> {
    const attemptMs = Math.max(1, Math.min(this.options.attemptTimeoutMs ?? 10_000, endMs - performance.now()));
    return new Promise((resolve, reject) => {
      method.call(this.client, request, withTrace(this.#metadata), { deadline: Date.now() + attemptMs }, (error, response) => {
        if (error === null) resolve(response);
        else reject(error);
      });
    });
  }

  #translate(thrown: unknown): PlumblineError {
    if (thrown instanceof PlumblineError) return thrown;
    if (!isServiceError(thrown)) return new UpstreamError('PLB-6001', `the call to the log at ${this.#address} failed: ${messageOf(thrown)}`, { cause: thrown, retry: 'never' });
    const known = errorFromStatus(thrown);
    if (known !== undefined) return known;
    const passing = [status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.CANCELLED, status.ABORTED, status.INTERNAL].includes(thrown.code);
    return new UpstreamError('PLB-6001', `the log at ${this.#address} is not reachable or did not answer (${status[thrown.code] ?? thrown.code}): send the same request again`, {
      cause: thrown, retry: passing ? 'after-delay' : 'never',
    });
  }
}

function isServiceError(thrown: unknown): thrown is ServiceError {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'number' && 'metadata' in thrown;
}
