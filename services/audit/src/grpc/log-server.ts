// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import {
  type handleUnaryCall,
  type Metadata,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
} from '@grpc/grpc-js';
import { InputError, messageOf, PlumblineError, UpstreamError } from '@plumbline/core';
import {
  type AuditFilter,
  type BodyPage,
  type DeliveryCursors,
  type LegalHolds,
  type ListViewOptions,
  type LogTree,
  type ParkedWork,
  type PersonalData,
  type RawEventLog,
  type ReadOptions,
  type Refusals,
  subscribeBodies,
  type ViewPage,
  type WorkLeases,
} from '@plumbline/event-log';
import {
  askedFromWire,
  inTrace,
  jsonBytes,
  type LogServer as LogHandlers,
  LogService,
  LogTreeService,
  LogUpkeepService,
  MAX_MESSAGE_BYTES,
  resultToWire,
  statusFromError,
  ViewHistoryService,
} from '@plumbline/event-log/client';
import type { ServiceIdentity } from '@plumbline/events';
import type { Logger } from '@plumbline/platform';
import { appendMany } from './append-many.js';
import { appendOf, type CallerCheck } from './caller-check.js';
import { treeHandlers } from './tree-handlers.js';
import { historyHandlers, type HistoryQueries } from './history-handlers.js';
import { LONGEST_WAIT_MS, administrationHandlers } from './administration-handlers.js';

/** The queries of the audit service with the events as they are stored. */
export interface ServedQueries extends HistoryQueries {
  getView(view: string, key: string, minPosition?: number): Promise<unknown>;
  listView(view: string, options?: ListViewOptions): Promise<ViewPage>;
  auditBodies(filter: AuditFilter): Promise<{ readonly bodies: readonly string[]; readonly cursor?: string }>;
}

/** What a door needs. */
export interface LogServerOptions {
  readonly log: RawEventLog;
  readonly queries: ServedQueries;
  /** Without it the door does not speak of the tree. */
  readonly tree?: LogTree;
  /** Without it nothing is ever parked. */
  readonly parked?: ParkedWork;
  /** Log administration is served when all four are given. */
  readonly holds?: LegalHolds;
  readonly persons?: PersonalData;
  readonly leases?: WorkLeases;
  readonly cursors?: DeliveryCursors;
  /** Counts what the door refuses before the log sees it. */
  readonly refusals?: Refusals;
  readonly logger: Pick<Logger, 'error' | 'info'>;
  readonly callers: Pick<CallerCheck, 'check'>;
  /** Certificate and key in PEM files; plain text when absent. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
}

/** Bytes of the events of one answer; the reader comes back for more. */
const PAGE_BYTES = 2 * 1024 * 1024;
const DRAIN_MS = 5_000;
const nothingParked: ParkedWork = { list: async () => [], release: async () => ({ released: 0, stillParked: [] }) };

/** The log's gRPC door: the one way in for the services of other processes. */
export class LogServer {
  readonly #options: LogServerOptions;

  readonly #server = new Server({
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
    'grpc.keepalive_time_ms': 20_000,
  });
  /** Ends the subscriptions, which would otherwise hold up a drain for ever. */
  readonly #closing = new AbortController();

  constructor(options: LogServerOptions) {
    this.#options = options;

    this.#server.addService(LogService, this.#handlers());
    this.#server.addService(
      ViewHistoryService,
      historyHandlers(options.queries, (answer) => this.#unary(answer)),
    );
    if (options.tree !== undefined)
      this.#server.addService(
        LogTreeService,
        treeHandlers(options.tree, (answer) => this.#unary(answer)),
      );
    const { holds, persons, leases, cursors } = options;
    if (holds !== undefined && persons !== undefined && leases !== undefined && cursors !== undefined)
      this.#server.addService(
        LogUpkeepService,
        administrationHandlers({ holds, persons, leases, cursors }, (answer) => this.#unary(answer)),
      );
  }

  /**
   * Binds `host:port` (port 0 takes a free one) and returns the URL to reach it. @throws UpstreamError PLB-6006 when
   * the address cannot be had
   */
  async listen(address: string): Promise<string> {
    const { tls } = this.#options;
    const credentials =
      tls === undefined
        ? ServerCredentials.createInsecure()
        : ServerCredentials.createSsl(null, [
            { cert_chain: readFileSync(tls.certFile), private_key: readFileSync(tls.keyFile) },
          ]);
    const port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync(address, credentials, (error, bound) =>
        error === null ? resolve(bound) : reject(bindFailure(address, error)),
      );
    });
    return `${tls === undefined ? 'grpc' : 'grpcs'}://${address.slice(0, address.lastIndexOf(':'))}:${port}`;
  }

  /** Takes no new calls, ends subscriptions, lets the calls in hand finish for a while. */
  async close(): Promise<void> {
    this.#closing.abort();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.#server.forceShutdown();
        resolve();
      }, DRAIN_MS);
      this.#server.tryShutdown(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #handlers(): LogHandlers {
    const { log, queries, parked = nothingParked } = this.#options;
    return {
      append: this.#unary(async (request, caller) => resultToWire(await log.appendBodies(appendOf(caller, request)))),
      appendMany: this.#unary(async (request, caller) =>
        appendMany(
          { log, caller, refusals: this.#options.refusals, logger: this.#options.logger, path: LogService.append.path },
          request,
        ),
      ),
      listParked: this.#unary(async () => ({ parked: [...(await parked.list())] })),
      releaseParked: this.#unary(async ({ key, asked }) => {
        const {
          released,
          stillParked,
          underWay = false,
          position,
        } = await parked.release(key, asked === undefined ? undefined : askedFromWire(asked, LONGEST_WAIT_MS));
        return { released, stillParked: [...stillParked], underWay, position };
      }),
      head: this.#unary(async () => ({ position: await log.head() })),
      read: this.#unary(async (request) => {
        const page = await log.readBodies({
          from: request.from,
          ...(request.limit === undefined ? {} : { limit: request.limit }),
          ...typesOf(request.types),
        });
        return pageToWire(page, { from: request.from, maxBytes: PAGE_BYTES });
      }),
      getView: this.#unary(async ({ view, key, minPosition }) => {
        const document = await queries.getView(view, key, minPosition);
        return { document: document === undefined ? undefined : jsonBytes(document) };
      }),
      listView: this.#unary(async ({ view, ...rest }) => {
        const page = await queries.listView(view, given(rest));
        return {
          documents: page.documents.map(({ key, document }) => ({ key, document: jsonBytes(document) })),
          position: page.position,
          cursor: page.cursor,
        };
      }),
      audit: this.#unary(async ({ order, ...filter }) => {
        const page = await queries.auditBodies({ ...given(filter), ...orderOf(order) });
        return { events: page.bodies.map((body) => Buffer.from(body)), cursor: page.cursor };
      }),
      readStream: this.#streaming(async (call) => {
        const bodies = await log.readStreamBodies(call.request.stream, call.request.fromRevision);
        for (const events of chunks(bodies)) await write(call, { events });
      }),
      subscribe: this.#streaming(async (call, signal) => {
        const { from, types } = call.request;
        for await (const page of subscribeBodies(log, { from, signal, ...typesOf(types) }))
          await writePages(call, page);
      }),
    };
  }

  #unary<Request, Response>(
    answer: (request: Request, caller: ServiceIdentity) => Promise<Response>,
  ): handleUnaryCall<Request, Response> {
    return (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>): void => {
      this.#guarded(call, (caller) =>
        inTrace({ path: call.getPath(), metadata: call.metadata }, () => answer(call.request, caller)),
      ).then(
        (response) => callback(null, response),
        (error: unknown) => callback(this.#statusOf(call.getPath(), error)),
      );
    };
  }

  #streaming<Request, Response>(
    answer: (call: ServerWritableStream<Request, Response>, signal: AbortSignal) => Promise<void>,
  ): (call: ServerWritableStream<Request, Response>) => void {
    return (call) => {
      const left = new AbortController();
      call.on('cancelled', () => left.abort());
      this.#guarded(call, () => answer(call, AbortSignal.any([left.signal, this.#closing.signal]))).then(
        () => call.end(),
        (error: unknown) => {
          // An error on the stream becomes the status of the call.
          if (!left.signal.aborted) call.emit('error', this.#statusOf(call.getPath(), error));
        },
      );
    };
  }

  async #guarded<Response>(
    call: { readonly metadata: Metadata; getPath(): string },
    answer: (caller: ServiceIdentity) => Promise<Response>,
  ): Promise<Response> {
    return answer(this.#options.callers.check(call.metadata, call.getPath()));
  }

  #statusOf(call: string, error: unknown): ReturnType<typeof statusFromError> {
    this.#options.refusals?.count(error);
    if (!(error instanceof PlumblineError)) {
      this.#options.logger.error('a call to the log failed unexpectedly', {
        call,
        error: messageOf(error),
        stack: error instanceof Error ? error.stack : undefined,
      });
    }
    return statusFromError(error);
  }
}

function bindFailure(address: string, error: Error): UpstreamError {
  return new UpstreamError('PLB-6006', `the door of the log cannot listen on ${address}: ${error.message}`, {
    cause: error,
    retry: 'never',
  });
}

function typesOf(types: readonly string[]): Pick<ReadOptions, 'types'> {
  // A type that this build does not know matches nothing; the check of names is not the door's.
  return types.length === 0 ? {} : { types: types as ReadOptions['types'] & {} };
}

function orderOf(order: string | undefined): Pick<AuditFilter, 'order'> {
  if (order === undefined) return {};
  if (order !== 'asc' && order !== 'desc')
    throw new InputError('PLB-1158', `events cannot be ordered "${order}": write asc or desc`);
  return { order };
}

type Given<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

/** The members that were given: absent ones of a message are there as undefined. */
function given<T extends object>(message: T): Given<T> {
  return Object.fromEntries(Object.entries(message).filter(([, value]) => value !== undefined)) as Given<T>;
}

function pageToWire(
  page: BodyPage,
  cut: { readonly from: number; readonly maxBytes: number },
): { events: Buffer[]; nextPosition: number; headPosition: number } {
  const events: Buffer[] = [];
  let bytes = 0;
  for (const { position, body } of page.bodies) {
    if (position < cut.from) continue;
    const event = Buffer.from(body);
    if (events.length > 0 && bytes + event.length > cut.maxBytes)
      return { events, nextPosition: position, headPosition: page.headPosition };
    events.push(event);
    bytes += event.length;
  }
  return { events, nextPosition: page.nextPosition, headPosition: page.headPosition };
}

async function writePages(
  call: ServerWritableStream<unknown, ReturnType<typeof pageToWire>>,
  page: BodyPage,
): Promise<void> {
  for (let from = 0; ;) {
    const part = pageToWire(page, { from, maxBytes: PAGE_BYTES });
    await write(call, part);
    if (part.nextPosition >= page.nextPosition) return;
    from = part.nextPosition;
  }
}

function* chunks(bodies: readonly string[]): Iterable<Buffer[]> {
  let chunk: Buffer[] = [];
  let bytes = 0;
  for (const body of bodies) {
    const event = Buffer.from(body);
    if (chunk.length > 0 && bytes + event.length > PAGE_BYTES) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(event);
    bytes += event.length;
  }
  if (chunk.length > 0) yield chunk;
}

/** Waits while the other side is slow: what is not taken stays in the log, not in memory. */
async function write<Response>(call: ServerWritableStream<unknown, Response>, message: Response): Promise<void> {
  if (call.cancelled || call.write(message)) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      call.off('drain', done);
      call.off('cancelled', done);
      resolve();
    };
    call.on('drain', done);
    call.on('cancelled', done);
  });
}
