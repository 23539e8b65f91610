// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import {
  type ConsumerName,
  type ConsumerReportInfo,
  CONSUMERS,
  type QuarantineInfo,
  type QuarantineItem,
  type QuarantineRetryInfo,
} from '@plumbline/api-contract';
import { isoTime, messageOf, NotFoundError, StreamName } from '@plumbline/core';
import { PARKED_WORK, type ParkedItem, type ParkedWork } from '@plumbline/event-log';
import type { QuarantineView } from '@plumbline/read-models';
import { actorOf } from '../operations/principal.js';
import type { Principal } from '../state/access-book.js';
import { LOG_ACCESS, type LogAccess } from '../state/log-access.js';
import { QuarantineRecord } from './quarantine-record.js';

const READ_MODELS = 'audit-read-models';
const POLL_MS = 250;

/** Streams to process again. */
export interface QuarantineRetryInput {
  readonly consumer?: ConsumerName | undefined;
  readonly stream?: string | undefined;
  readonly timeoutMs: number;
}

/** What `audit-read-models` has quarantined now: items of its tables, or why they could not be read. */
type ReadModelsReport = { readonly items: readonly ParkedItem[] } | { readonly failure: string };

/** Lists the quarantined streams of all consumers, and requests retries. */
@Injectable()
export class QuarantineService {
  readonly #access: LogAccess;
  readonly #readModels: ParkedWork;

  constructor(@Inject(LOG_ACCESS) access: LogAccess, @Inject(PARKED_WORK) readModels: ParkedWork) {
    this.#access = access;
    this.#readModels = readModels;
  }

  /** Returns the quarantined streams by position, and for each consumer how current the list is. */
  list(): Promise<QuarantineInfo> {
    return this.#listOf(new QuarantineRecord(this.#access.log), CONSUMERS);
  }

  /**
   * Appends StreamRetryRequested as the user, and waits until each requested stream has recovered or failed again.
   * @throws NotFoundError PLB-3156 when a stream is named that is not quarantined
   */
  async retry(
    principal: Principal,
    { consumer, stream, timeoutMs }: QuarantineRetryInput,
  ): Promise<QuarantineRetryInfo> {
    const endMs = performance.now() + timeoutMs;
    const record = new QuarantineRecord(this.#access.log);
    const consumers = consumer === undefined ? CONSUMERS : [consumer];
    const requested = async (): Promise<QuarantineInfo> => {
      const { items, consumers: reports } = await this.#listOf(record, consumers);
      return { items: items.filter((item) => stream === undefined || item.stream === stream), consumers: reports };
    };
    const before = await requested();
    if (stream !== undefined && before.items.length === 0) throw notQuarantined(consumer, stream, before.consumers);
    const { position } = await this.#access.append({
      actor: actorOf(principal),
      items: [
        {
          stream: StreamName.parse('log-quarantine'),
          expected: { type: 'any' },
          events: [
            {
              type: 'StreamRetryRequested',
              data: { ...(consumer === undefined ? {} : { consumer }), ...(stream === undefined ? {} : { stream }) },
            },
          ],
        },
      ],
    });
    let after = await requested();
    // A stream that the log has no record of shows no result of a retry either: it is pending as long as it is listed.
    const isPending = (item: QuarantineItem): boolean =>
      item.retryRequestedAt !== undefined || !hasRecord(record, item);
    while (after.items.some(isPending) && performance.now() < endMs && !this.#access.closing.aborted) {
      await delay(Math.min(POLL_MS, Math.max(0, endMs - performance.now())));
      after = await requested();
    }
    const remaining = new Set(after.items.map(keyOf));
    return {
      outcome: after.items.some(isPending) ? 'Pending' : after.items.length > 0 ? 'StillQuarantined' : 'Recovered',
      position,
      recovered: before.items.filter((item) => !remaining.has(keyOf(item))).length,
      ...after,
    };
  }

  async #listOf(record: QuarantineRecord, consumers: readonly string[]): Promise<QuarantineInfo> {
    const [readModels] = await Promise.all([
      consumers.includes(READ_MODELS) ? this.#readModelsReport() : { items: [] },
      record.refresh(),
    ]);
    const recorded = record.documents.filter(({ consumer }) => consumers.includes(consumer));
    const items =
      'failure' in readModels
        ? recorded.map(itemOf)
        : [
            ...recorded.filter(({ consumer }) => consumer !== READ_MODELS).map(itemOf),
            ...readModels.items.map((item) => readModelsItem(item, recorded)),
          ];
    return {
      items: items.sort((left, right) => left.position - right.position),
      consumers: consumers.map((consumer) =>
        consumer === READ_MODELS ? this.#readModelsState(readModels, recorded) : reportOf(consumer, record),
      ),
    };
  }

  async #readModelsReport(): Promise<ReadModelsReport> {
    try {
      return { items: await this.#readModels.list() };
    } catch (error) {
      return { failure: messageOf(error) };
    }
  }

  #readModelsState(report: ReadModelsReport, recorded: readonly QuarantineView[]): ConsumerReportInfo {
    if ('failure' in report)
      return {
        consumer: READ_MODELS,
        state: 'NotReported',
        message: `the audit service did not return its quarantined streams (${report.failure}); the items are those that the log records`,
      };
    const pending = recorded.find(({ consumer, retryRequested }) => consumer === READ_MODELS && retryRequested);
    if (pending !== undefined && report.items.some(({ key }) => key === pending.stream)) return retryPending(pending);
    return { consumer: READ_MODELS, state: 'Reported', reportedAt: isoTime(this.#access.clock.nowMs()) };
  }
}

function keyOf({ consumer, stream }: Pick<QuarantineItem, 'consumer' | 'stream'>): string {
  return `${consumer}/${stream}`;
}

function hasRecord(record: QuarantineRecord, item: QuarantineItem): boolean {
  return record.documents.some((document) => keyOf(document) === keyOf(item));
}

function itemOf({
  consumer,
  stream,
  position,
  message,
  attempts,
  since,
  retryRequested,
}: QuarantineView): QuarantineItem {
  return {
    consumer,
    stream,
    position,
    message,
    attempts,
    since,
    ...(retryRequested === undefined ? {} : { retryRequestedAt: retryRequested.at }),
  };
}

/** An item of the tables, with what the log records about the same failure. */
function readModelsItem(item: ParkedItem, recorded: readonly QuarantineView[]): QuarantineItem {
  const { key: stream, position, error: message, attempts, waiting, parkedAt } = item;
  const document = recorded.find((view) => view.consumer === READ_MODELS && view.stream === stream);
  const same = document?.position === position ? document : undefined;
  const requested = document?.retryRequested;
  return {
    consumer: READ_MODELS,
    stream,
    position,
    message,
    attempts: Math.max(attempts, same?.attempts ?? 0),
    since: same?.since ?? parkedAt,
    waiting,
    ...(requested === undefined ? {} : { retryRequestedAt: requested.at }),
  };
}

function reportOf(consumer: string, record: QuarantineRecord): ConsumerReportInfo {
  const pending = record.documents.find((view) => view.consumer === consumer && view.retryRequested !== undefined);
  if (pending !== undefined) return { ...retryPending(pending), ...reportedAtOf(consumer, record) };
  const reportedAt = record.reportedAt(consumer);
  if (reportedAt !== undefined) return { consumer, state: 'Reported', reportedAt };
  return {
    consumer,
    state: 'NotReported',
    message: `${consumer} has recorded no report in the log: either it has never quarantined a stream, or it is not running; check its readiness and the metric plumbline_reactor_quarantined_streams`,
  };
}

function reportedAtOf(consumer: string, record: QuarantineRecord): { readonly reportedAt?: string } {
  const reportedAt = record.reportedAt(consumer);
  return reportedAt === undefined ? {} : { reportedAt };
}

function retryPending({ consumer, retryRequested }: QuarantineView): ConsumerReportInfo {
  return {
    consumer,
    state: 'RetryPending',
    message: `${consumer} has not reported the result of the retry that was requested at ${retryRequested?.at ?? ''}; check that it is running`,
  };
}

function notQuarantined(
  consumer: string | undefined,
  stream: string,
  reports: readonly ConsumerReportInfo[],
): NotFoundError {
  const unknown = reports.filter(({ state }) => state !== 'Reported').map((report) => report.consumer);
  const also = unknown.length === 0 ? '' : `; the state of these consumers is not known: ${unknown.join(', ')}`;
  return new NotFoundError(
    'PLB-3156',
    `stream ${stream} is not listed as quarantined for ${consumer ?? 'any consumer'}${also}; see GET /api/v1/log/quarantine`,
  );
}
