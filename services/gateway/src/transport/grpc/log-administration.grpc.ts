// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import {
  erasePerson,
  liftLegalHold,
  listLegalHolds,
  listParkedWork,
  listQuarantine,
  placeLegalHold,
  releaseParkedWork,
  retryQuarantine,
} from '@plumbline/api-contract';
import type { LegalHold } from '@plumbline/event-log';
import { checkInput } from '../../operations/check-input.js';
import { GrpcCalls } from './grpc-calls.js';
import { LogAdministrationService } from '../../log/log-administration.service.js';
import { QuarantineService } from '../../log/quarantine.service.js';
import type { HandlersOf } from './codec.js';
import type { Log } from './generated/plumbline/v1/log_pb.js';

type UpkeepHandlers = Pick<
  HandlersOf<typeof Log>,
  | 'listQuarantine'
  | 'retryQuarantine'
  | 'listParkedWork'
  | 'releaseParkedWork'
  | 'listLegalHolds'
  | 'placeLegalHold'
  | 'liftLegalHold'
  | 'erasePerson'
>;

function messageOf({ id, from, to, reason, placedBy, placedAt, liftedBy, liftedAt }: LegalHold): object {
  return { id, from, to, reason, placedBy, placedAt, liftedBy, liftedAt };
}

/** Quarantined streams, legal holds and erasure over gRPC. */
@Injectable()
export class LogAdministrationGrpc {
  readonly #calls: GrpcCalls;
  readonly #upkeep: LogAdministrationService;
  readonly #quarantine: QuarantineService;

  constructor(
    @Inject(GrpcCalls) calls: GrpcCalls,
    @Inject(LogAdministrationService) upkeep: LogAdministrationService,
    @Inject(QuarantineService) quarantine: QuarantineService,
  ) {
    this.#quarantine = quarantine;
    this.#calls = calls;
    this.#upkeep = upkeep;
  }

  handlers(): UpkeepHandlers {
    const calls = this.#calls,
      upkeep = this.#upkeep,
      quarantine = this.#quarantine;
    return {
      listQuarantine: calls.unary(listQuarantine, async () => {
        const { items, consumers } = await quarantine.list();
        return { items: [...items], consumers: [...consumers] };
      }),
      retryQuarantine: calls.unary(retryQuarantine, async (request, principal) => {
        const result = await quarantine.retry(principal, checkInput(retryQuarantine.body, request));
        return { ...result, items: [...result.items], consumers: [...result.consumers] };
      }),
      listParkedWork: calls.unary(listParkedWork, async () => ({ items: [...(await upkeep.listParked()).items] })),
      releaseParkedWork: calls.unary(releaseParkedWork, async (request, principal) => {
        const { outcome, consumer, key, released, item, position } = await upkeep.release(
          principal,
          checkInput(releaseParkedWork.body, request),
        );
        return { outcome, consumer, key, released, item, position };
      }),
      listLegalHolds: calls.unary(listLegalHolds, async ({ lifted }) => ({
        items: (await upkeep.listHolds({ lifted })).items.map(messageOf),
      })),
      placeLegalHold: calls.unary(placeLegalHold, async (request, principal) => {
        const { to, ...given } = checkInput(placeLegalHold.body, request);
        const { action, hold, position } = await upkeep.placeHold(principal, {
          ...given,
          ...(to === undefined ? {} : { to }),
        });
        return { action, hold: messageOf(hold), position };
      }),
      liftLegalHold: calls.unary(liftLegalHold, async (request, principal) => {
        const { action, hold, position } = await upkeep.liftHold(
          principal,
          checkInput(liftLegalHold.params, request).id,
        );
        return { action, hold: messageOf(hold), position };
      }),
      erasePerson: calls.unary(erasePerson, async (request, principal) => {
        const { outcome, subject, events, erasedAt, position } = await upkeep.erase(
          principal,
          checkInput(erasePerson.body, request),
        );
        return { outcome, subject, events, erasedAt, position };
      }),
    };
  }
}
