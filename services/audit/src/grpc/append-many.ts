// SPDX-License-Identifier: Apache-2.0
import { messageOf, PlumblineError } from '@plumbline/core';
import type { RawEventLog, Refusals } from '@plumbline/event-log';
import {
  type AppendManyRequest,
  type AppendManyResponse,
  errorToBytes,
  inTrace,
  metadataOf,
  resultToWire,
  type TracedAppend,
} from '@plumbline/event-log/client';
import type { ServiceIdentity } from '@plumbline/events';
import type { Logger } from '@plumbline/platform';
import { appendOf } from './caller-check.js';

type Outcome = AppendManyResponse['outcomes'][number];

/** What the appends of one call need. */
export interface AppendManyParts {
  readonly log: RawEventLog;
  readonly caller: Pick<ServiceIdentity, 'service'>;
  readonly refusals: Refusals | undefined;
  readonly logger: Pick<Logger, 'error'>;
  readonly path: string;
}

async function one(
  { log, caller, refusals, logger, path }: AppendManyParts,
  { request, trace }: TracedAppend,
): Promise<Outcome> {
  const append = async (): Promise<Outcome> => {
    if (request === undefined) return { outcome: undefined };
    return { outcome: { $case: 'response', value: resultToWire(await log.appendBodies(appendOf(caller, request))) } };
  };
  try {
    return await (Object.keys(trace).length === 0 ? append() : inTrace({ path, metadata: metadataOf(trace) }, append));
  } catch (error) {
    refusals?.count(error);
    if (!(error instanceof PlumblineError))
      logger.error('an append failed unexpectedly', {
        error: messageOf(error),
        stack: error instanceof Error ? error.stack : undefined,
      });
    return { outcome: { $case: 'error', value: errorToBytes(error) } };
  }
}

/** Appends all in the order of the message, so that they can share a commit; each succeeds or fails for itself. */
export async function appendMany(parts: AppendManyParts, message: AppendManyRequest): Promise<AppendManyResponse> {
  return { outcomes: await Promise.all(message.appends.map(async (append) => one(parts, append))) };
}
