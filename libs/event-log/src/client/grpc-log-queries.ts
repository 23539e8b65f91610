// SPDX-License-Identifier: Apache-2.0
import { decodeEvent } from '@plumbline/events';
import type {
  AuditFilter,
  AuditPage,
  ListAsOfOptions,
  ListViewOptions,
  LogQueries,
  ViewMoment,
  ViewPage,
} from '../queries.port.js';
import type { LogChannel } from './log-channel.js';
import { parseJsonBytes } from './wire.js';

/** The audit service's answers, over its gRPC door. */
export class GrpcLogQueries implements LogQueries {
  readonly #channel: LogChannel;

  constructor(channel: LogChannel) {
    this.#channel = channel;
  }

  async getView(view: string, key: string, minPosition?: number): Promise<unknown> {
    const { document } = await this.#channel.unary(this.#channel.client.getView, { view, key, minPosition });
    return document === undefined ? undefined : parseJsonBytes(document, `${view} ${key}`);
  }

  async listView(view: string, options: ListViewOptions = {}): Promise<ViewPage> {
    const { keyPrefix, limit, cursor, minPosition } = options;
    const page = await this.#channel.unary(this.#channel.client.listView, {
      view,
      keyPrefix,
      limit,
      cursor,
      minPosition,
    });
    return {
      documents: page.documents.map(({ key, document }) => ({
        key,
        document: parseJsonBytes(document, `${view} ${key}`),
      })),
      position: page.position,
      ...(page.cursor === undefined ? {} : { cursor: page.cursor }),
    };
  }

  async getViewAsOf(view: string, key: string, at: ViewMoment): Promise<unknown> {
    const { history } = this.#channel;
    const { document } = await this.#channel.unary(history.getViewAsOf.bind(history), {
      view,
      key,
      at: momentToWire(at),
    });
    return document === undefined ? undefined : parseJsonBytes(document, `${view} ${key}`);
  }

  async listViewAsOf(view: string, at: ViewMoment, options: ListAsOfOptions = {}): Promise<ViewPage> {
    const { history } = this.#channel;
    const { keyPrefix, limit, cursor } = options;
    const page = await this.#channel.unary(history.listViewAsOf.bind(history), {
      view,
      at: momentToWire(at),
      keyPrefix,
      limit,
      cursor,
    });
    return {
      documents: page.documents.map(({ key, document }) => ({
        key,
        document: parseJsonBytes(document, `${view} ${key}`),
      })),
      position: at.below,
      ...(page.cursor === undefined ? {} : { cursor: page.cursor }),
    };
  }

  async positionAt(time: string): Promise<number> {
    const { history } = this.#channel;
    return (await this.#channel.unary(history.positionAt.bind(history), { time })).position;
  }

  async audit(filter: AuditFilter): Promise<AuditPage> {
    const { actor, type, application, environment, cluster, correlationId, since, until, order, limit, cursor } =
      filter;
    const page = await this.#channel.unary(this.#channel.client.audit, {
      actor,
      type,
      application,
      environment,
      cluster,
      correlationId,
      since,
      until,
      order,
      limit,
      cursor,
    });
    return {
      events: page.events.map((bytes) => decodeEvent(bytes.toString('utf8'))),
      ...(page.cursor === undefined ? {} : { cursor: page.cursor }),
    };
  }
}

function momentToWire({ below, occurredUntil }: ViewMoment): {
  readonly below: number;
  readonly occurredUntil: string | undefined;
} {
  return { below, occurredUntil };
}
