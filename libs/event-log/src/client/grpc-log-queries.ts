// SPDX-License-Identifier: Apache-2.0
import { decodeEvent } from '@plumbline/events';
import type { AuditFilter, AuditPage, ListViewOptions, LogQueries, ViewPage } from '../queries.port.js';
import type { LogChannel } from './log-channel.js';
import { parseJsonBytes } from './wire.js';

/** The audit service's answers, over its gRPC door. */
export class GrpcLogQueries implements LogQueries {
  constructor(private readonly channel: LogChannel) {}

  async getView(view: string, key: string, minPosition?: number): Promise<unknown> {
    const { document } = await this.channel.unary(this.channel.client.getView, { view, key, minPosition });
    return document === undefined ? undefined : parseJsonBytes(document, `${view} ${key}`);
  }

  async listView(view: string, options: ListViewOptions = {}): Promise<ViewPage> {
    const { keyPrefix, limit, cursor, minPosition } = options;
    const page = await this.channel.unary(this.channel.client.listView, { view, keyPrefix, limit, cursor, minPosition });
    return {
      documents: page.documents.map(({ key, document }) => ({ key, document: parseJsonBytes(document, `${view} ${key}`) })),
      position: page.position,
      ...(page.cursor === undefined ? {} : { cursor: page.cursor }),
    };
  }

  async audit(filter: AuditFilter): Promise<AuditPage> {
    const { actor, type, application, environment, cluster, correlationId, since, until, order, limit, cursor } = filter;
    const page = await this.channel.unary(this.channel.client.audit, { actor, type, application, environment, cluster, correlationId, since, until, order, limit, cursor });
    return { events: page.events.map((bytes) => decodeEvent(bytes.toString('utf8'))), ...(page.cursor === undefined ? {} : { cursor: page.cursor }) };
  }
}
