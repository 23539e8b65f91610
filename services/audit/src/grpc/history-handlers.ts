// SPDX-License-Identifier: Apache-2.0
import type { handleUnaryCall } from '@grpc/grpc-js';
import { InputError } from '@plumbline/core';
import type { ListAsOfOptions, ViewMoment } from '@plumbline/event-log';
import { jsonBytes, type ViewHistoryServer } from '@plumbline/event-log/client';

/** The views as of the past, as the door needs them. */
export interface HistoryQueries {
  getViewAsOf(view: string, key: string, at: ViewMoment): Promise<unknown>;
  listTextsAsOf(
    view: string,
    at: ViewMoment,
    options?: ListAsOfOptions,
  ): Promise<{
    readonly documents: readonly { readonly key: string; readonly text: string }[];
    readonly cursor?: string;
  }>;
  positionAt(time: string): Promise<number>;
}

/** Makes a handler of the door from an answer. */
export type MakeUnary = <Request, Response>(
  answer: (request: Request) => Promise<Response>,
) => handleUnaryCall<Request, Response>;

/** The calls about the past. */
export function historyHandlers(queries: HistoryQueries, unary: MakeUnary): ViewHistoryServer {
  return {
    getViewAsOf: unary(async ({ view, key, at }) => {
      const document = await queries.getViewAsOf(view, key, momentOf(at));
      return { document: document === undefined ? undefined : jsonBytes(document) };
    }),
    listViewAsOf: unary(async ({ view, at, keyPrefix, limit, cursor }) => {
      const options = {
        ...(keyPrefix === undefined ? {} : { keyPrefix }),
        ...(limit === undefined ? {} : { limit }),
        ...(cursor === undefined ? {} : { cursor }),
      };
      const page = await queries.listTextsAsOf(view, momentOf(at), options);
      return {
        documents: page.documents.map(({ key, text }) => ({ key, document: Buffer.from(text) })),
        cursor: page.cursor,
      };
    }),
    positionAt: unary(async ({ time }) => ({ position: await queries.positionAt(time) })),
  };
}

/** @throws InputError PLB-1158 for a question that names no moment */
function momentOf(at: { readonly below: number; readonly occurredUntil?: string | undefined } | undefined): ViewMoment {
  if (at === undefined) throw new InputError('PLB-1158', 'the question names no moment');
  return { below: at.below, ...(at.occurredUntil === undefined ? {} : { occurredUntil: at.occurredUntil }) };
}
