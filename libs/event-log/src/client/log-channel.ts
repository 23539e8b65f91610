// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import {
  type CallOptions,
  type ChannelCredentials,
  type ClientReadableStream,
  type ClientUnaryCall,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { InputError, messageOf, PlumblineError, UpstreamError } from '@plumbline/core';
import { ViewHistoryClient } from './generated/plumbline/internal/v1/history.js';
import { LogClient } from './generated/plumbline/internal/v1/log.js';
import { LogTreeClient } from './generated/plumbline/internal/v1/tree.js';
import { LogUpkeepClient } from './generated/plumbline/internal/v1/upkeep.js';
import { withTrace } from './trace.js';
import { errorFromStatus } from './wire-errors.js';

/** How to reach the door of the log. */
export interface LogChannelOptions {
  /** `grpc://host:port`, or `grpcs://host:port` for TLS; several replicas as `grpc://host:port,host:port`. */
  readonly url: string;
  /** Credential of this service, as "plumb keygen" makes it. */
  readonly token: string;
  /** Name that the certificate must be valid for; the host of the URL when absent. */
  readonly tlsName?: string;
  /** PEM file of the authorities to trust with `grpcs:`; the system's when absent. */
  readonly caFile?: string;
  /** For one attempt; 10,000 when absent, 2,000 when there are several replicas: another one may answer. */
  readonly attemptTimeoutMs?: number;
  /** For a call with all its attempts; 30,000 when absent. */
  readonly timeoutMs?: number;
}

type Callback<Response> = (error: ServiceError | null, response: Response) => void;
/** A unary method of the generated client. */
export type Unary<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: Callback<Response>,
) => ClientUnaryCall;

/** Bytes of one message at most, in both directions: a bundle of 256 entries of 65,535 bytes fits. */
export const MAX_MESSAGE_BYTES = 17 * 1024 * 1024;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;
/** Between rounds over replicas none of which leads: a takeover is a matter of milliseconds after a crash. */
const ELECTION_PAUSE_MS = 25;

/** How soon a connection is given up for another one. */
const RECONNECT_MS = 100;

interface Replica {
  readonly address: string;
  readonly client: LogClient;
  readonly tree: LogTreeClient;
  readonly history: ViewHistoryClient;
  readonly upkeep: LogUpkeepClient;
}

/**
 * A client whose calls go to the replica that is current when they are made, also when its methods were taken off or
 * bound before.
 */
function following<Client extends object>(current: () => Client): Client {
  return new Proxy(current(), {
    get:
      (_first, name) =>
      (...given: unknown[]) => {
        const client = current();
        const method: unknown = Reflect.get(client, name);
        if (typeof method !== 'function') throw new TypeError(`the client of the log has no method ${String(name)}`);
        return Reflect.apply(method, client, given);
      },
  });
}

function connect(address: string, shown: ChannelCredentials, tlsName: string | undefined): Replica {
  const client = new LogClient(address, shown, {
    ...(tlsName === undefined ? {} : { 'grpc.ssl_target_name_override': tlsName }),
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
    'grpc.keepalive_time_ms': 20_000,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.min_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1_000,
    // With several processes behind one name, the next attempt may reach the one that leads.
    'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
    // Retries are ours: they know that the request id makes an append safe to repeat.
    'grpc.enable_retries': 0,
    // Of its own: a new client is a new connection, which a balancer may give to another replica.
    'grpc.use_local_subchannel_pool': 1,
  });
  const sameConnection = { channelOverride: client.getChannel() };
  return {
    address,
    client,
    tree: new LogTreeClient(address, shown, sameConnection),
    history: new ViewHistoryClient(address, shown, sameConnection),
    upkeep: new LogUpkeepClient(address, shown, sameConnection),
  };
}

function credentialsFor(protocol: string, caFile: string | undefined): ChannelCredentials {
  if (protocol === 'grpc:') return credentials.createInsecure();
  if (protocol === 'grpcs:') return credentials.createSsl(caFile === undefined ? null : readFileSync(caFile));
  throw new InputError(
    'PLB-1157',
    `the log cannot be reached over "${protocol}": write grpc://host:port or grpcs://host:port`,
  );
}

function addressesOf(url: string): { readonly protocol: string; readonly hosts: readonly string[] } {
  const [, protocol = '', rest = ''] = /^([a-z]+:)\/\/([^/?#]*)/i.exec(url) ?? [];
  const hosts = rest.split(',').map((host) => host.trim());
  for (const host of hosts) {
    if (!/^[^@\s]+:\d+$/.test(host))
      throw new InputError(
        'PLB-1157',
        'the URL of the log names no port: write grpc://host:port, or grpc://host:port,host:port',
      );
  }
  return { protocol, hosts };
}

/**
 * The connection to the door of the log, shared by everything of a process that talks to it; one for each replica.
 * Connects at the first call.
 */
export class LogChannel {
  readonly #options: LogChannelOptions;

  /** These call the replica that answered last. */
  readonly client: LogClient;
  /** The tree of the log. */
  readonly tree: LogTreeClient;
  /** The views as of a moment. */
  readonly history: ViewHistoryClient;
  /** What people do to the log itself. */
  readonly upkeep: LogUpkeepClient;
  readonly #metadata = new Metadata();
  readonly #replicas: Replica[];
  readonly #credentials: ChannelCredentials;
  #connectedAtMs = performance.now();
  /** The one that answered last: with several, the one that leads. */
  #current = 0;

  /** @throws InputError PLB-1157 for a URL that is not a gRPC one */
  constructor(options: LogChannelOptions) {
    this.#options = options;

    const { protocol, hosts } = addressesOf(options.url);
    this.#metadata.set('authorization', `Bearer ${options.token}`);
    this.#credentials = credentialsFor(protocol, options.caFile);
    this.#replicas = hosts.map((address) => connect(address, this.#credentials, options.tlsName));
    this.client = following(() => this.#replica.client);
    this.tree = following(() => this.#replica.tree);
    this.history = following(() => this.#replica.history);
    this.upkeep = following(() => this.#replica.upkeep);
  }

  /**
   * One call with a deadline; tried again while the log is not there or not leading, until the time is over.
   * Everything on this door is safe to repeat: reads by nature, appends by their request id.
   */
  async unary<Request, Response>(method: Unary<Request, Response>, request: Request): Promise<Response> {
    return this.persist((endMs) => this.attempt(method, request, endMs));
  }

  /**
   * Work that may fail as a call may: tried again at another replica, and after a pause when all have failed, until
   * the time is over.
   */
  async persist<Result>(work: (endMs: number) => Promise<Result>): Promise<Result> {
    const endMs = performance.now() + (this.#options.timeoutMs ?? 30_000);
    for (let [tries, pauseMs] = [1, FIRST_PAUSE_MS]; ; tries += 1) {
      const asked = this.#current;
      try {
        return await work(endMs);
      } catch (error) {
        const failure = this.#translate(error, this.#replicas[asked]?.address ?? '');
        if (!(failure instanceof UpstreamError) || failure.retry === 'never') throw failure;
        // Whoever comes first moves on, for all that asked the same one.
        if (this.#current === asked) this.#current = (asked + 1) % this.#replicas.length;
        const roundEnds = tries % this.#replicas.length === 0;
        const seeksLeader = failure.code === 'PLB-6002';
        if (seeksLeader) this.#reconnect();
        const waitMs = roundEnds
          ? (seeksLeader || this.#replicas.length > 1 ? ELECTION_PAUSE_MS : pauseMs) * (0.5 + Math.random())
          : 0;
        if (performance.now() + waitMs > endMs) throw failure;
        if (roundEnds && !seeksLeader) pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
        await new Promise((resolve) => setTimeout(resolve, waitMs));
      }
    }
  }

  /**
   * One attempt at the replica that answered last. @throws what the door threw, UpstreamError PLB-6001 when there was
   * no answer
   */
  async attempt<Request, Response>(
    method: Unary<Request, Response>,
    request: Request,
    endMs: number,
  ): Promise<Response> {
    const { address } = this.#replica;
    const attemptMs = Math.max(
      1,
      Math.min(
        this.#options.attemptTimeoutMs ?? (this.#replicas.length > 1 ? 2_000 : 10_000),
        endMs - performance.now(),
      ),
    );
    try {
      return await new Promise((resolve, reject) => {
        method(request, withTrace(this.#metadata), { deadline: Date.now() + attemptMs }, (error, response) => {
          if (error === null) resolve(response);
          else reject(error);
        });
      });
    } catch (error) {
      throw this.#translate(error, address);
    }
  }

  /** The messages of a streaming call; ends with the signal. Not tried again: the caller knows from where to go on. */
  async *stream<Response>(
    open: (metadata: Metadata, options: Partial<CallOptions>) => ClientReadableStream<Response>,
    signal?: AbortSignal,
  ): AsyncGenerator<Response, void> {
    const asked = this.#current;
    const call = open(this.#metadata, {});
    const cancel = (): void => call.cancel();
    signal?.addEventListener('abort', cancel);
    try {
      if (signal?.aborted === true) return;
      for await (const message of call as AsyncIterable<Response>) yield message;
    } catch (error) {
      if (signal?.aborted === true) return;
      // The next attempt of the caller goes to another one.
      if (this.#current === asked) this.#current = (asked + 1) % this.#replicas.length;
      throw this.#translate(error, this.#replicas[asked]?.address ?? '');
    } finally {
      signal?.removeEventListener('abort', cancel);
      call.cancel();
    }
  }

  close(): void {
    for (const { client } of this.#replicas) client.close();
  }

  /** One address may be that of a balancer, which keeps a connection with the replica that it was given. */
  #reconnect(): void {
    const [only] = this.#replicas;
    if (this.#replicas.length > 1 || only === undefined || performance.now() - this.#connectedAtMs < RECONNECT_MS)
      return;
    this.#connectedAtMs = performance.now();
    this.#replicas[0] = connect(only.address, this.#credentials, this.#options.tlsName);
    // Calls under way are finished on the old connection.
    only.client.close();
  }

  get #replica(): Replica {
    const replica = this.#replicas[this.#current];
    if (replica === undefined) throw new InputError('PLB-1157', 'the URL of the log names no host');
    return replica;
  }

  #translate(thrown: unknown, address: string): PlumblineError {
    if (thrown instanceof PlumblineError) return thrown;
    if (!isServiceError(thrown))
      return new UpstreamError('PLB-6001', `the call to the log at ${address} failed: ${messageOf(thrown)}`, {
        cause: thrown,
        retry: 'never',
      });
    const known = errorFromStatus(thrown);
    if (known !== undefined) return known;
    if (thrown.code === status.RESOURCE_EXHAUSTED) {
      return new InputError(
        'PLB-1171',
        `the log at ${address} takes no message of this size: at most ${MAX_MESSAGE_BYTES} bytes`,
        { cause: thrown },
      );
    }
    const passing = [
      status.UNAVAILABLE,
      status.DEADLINE_EXCEEDED,
      status.CANCELLED,
      status.ABORTED,
      status.INTERNAL,
    ].includes(thrown.code);
    return new UpstreamError(
      'PLB-6001',
      `the log at ${address} is not reachable or did not answer (${status[thrown.code] ?? thrown.code}): send the same request again`,
      {
        cause: thrown,
        retry: passing ? 'after-delay' : 'never',
      },
    );
  }
}

function isServiceError(thrown: unknown): thrown is ServiceError {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'number' && 'metadata' in thrown;
}

/** True when the door is of a version that does not have the method. */
export function isUnimplemented(error: unknown): boolean {
  return error instanceof UpstreamError && isServiceError(error.cause) && error.cause.code === status.UNIMPLEMENTED;
}
