// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import {
  declareSubscription,
  deleteSubscription,
  listSubscriptions,
  replaySubscription,
} from '@plumbline/api-contract';
import { checkInput } from '../../operations/check-input.js';
import { SubscriptionsService } from '../../subscriptions/subscriptions.service.js';
import { GrpcCalls } from './grpc-calls.js';
import { pageInfo, pageInput } from './grpc-input.js';
import type { HandlersOf } from './codec.js';
import type { Subscriptions } from './generated/plumbline/v1/plumbline_pb.js';

/** Subscriptions over gRPC: the use cases of the REST API. */
@Injectable()
export class SubscriptionsGrpc {
  readonly #calls: GrpcCalls;
  readonly #subscriptions: SubscriptionsService;

  constructor(@Inject(GrpcCalls) calls: GrpcCalls, @Inject(SubscriptionsService) subscriptions: SubscriptionsService) {
    this.#calls = calls;
    this.#subscriptions = subscriptions;
  }

  subscriptionsServer(): HandlersOf<typeof Subscriptions> {
    const calls = this.#calls,
      subscriptions = this.#subscriptions;
    return {
      listSubscriptions: calls.unary(listSubscriptions, async ({ page }) => {
        const found = await subscriptions.list(pageInput(page));
        return { items: found.items, page: pageInfo(found) };
      }),
      declareSubscription: calls.unary(declareSubscription, ({ name, labels, spec }, principal) =>
        subscriptions.declare(principal, checkInput(declareSubscription.body, { name, labels, spec })),
      ),
      deleteSubscription: calls.unary(deleteSubscription, ({ name }, principal) =>
        subscriptions.remove(principal, checkInput(deleteSubscription.params, { name }).name),
      ),
      replaySubscription: calls.unary(replaySubscription, ({ name, after }, principal) => {
        const { after: start } = checkInput(replaySubscription.body, { after });
        return subscriptions.replay(principal, checkInput(replaySubscription.params, { name }).name, start);
      }),
    };
  }
}
