// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject } from '@nestjs/common';
import {
  declareSubscription,
  deleteSubscription,
  getSubscription,
  listSubscriptions,
  replaySubscription,
} from '@plumbline/api-contract';
import type { InputOf } from '../operations/operation.js';
import { Input, Serve } from '../operations/serve.js';
import { SubscriptionsService } from './subscriptions.service.js';

/** Subscriptions over REST. */
@Controller()
export class SubscriptionsController {
  readonly #subscriptions: SubscriptionsService;

  constructor(@Inject(SubscriptionsService) subscriptions: SubscriptionsService) {
    this.#subscriptions = subscriptions;
  }

  @Serve(listSubscriptions)
  list(@Input() { query }: InputOf<typeof listSubscriptions>) {
    return this.#subscriptions.list(query);
  }

  @Serve(getSubscription)
  get(@Input() { params, query }: InputOf<typeof getSubscription>) {
    return this.#subscriptions.get(params.name, query);
  }

  @Serve(declareSubscription)
  declare(@Input() { principal, body }: InputOf<typeof declareSubscription>) {
    return this.#subscriptions.declare(principal, body);
  }

  @Serve(deleteSubscription)
  remove(@Input() { principal, params }: InputOf<typeof deleteSubscription>) {
    return this.#subscriptions.remove(principal, params.name);
  }

  @Serve(replaySubscription)
  replay(@Input() { principal, params, body }: InputOf<typeof replaySubscription>) {
    return this.#subscriptions.replay(principal, params.name, body.after);
  }
}
