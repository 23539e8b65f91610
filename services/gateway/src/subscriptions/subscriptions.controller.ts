// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject } from '@nestjs/common';
import type { SubscriptionView } from '@plumbline/read-models';
import type { InputOf } from '../api/operation.js';
import { Input, Serve } from '../api/serve.js';
import type { DocumentPage } from '../reads/read-model.js';
import type { ChangeResult } from '../resources/resources.service.js';
import {
  declareSubscription,
  deleteSubscription,
  getSubscription,
  listSubscriptions,
  replaySubscription,
} from './subscriptions.operations.js';
import { type SubscriptionResult, SubscriptionsService } from './subscriptions.service.js';

/** Subscriptions over REST. */
@Controller()
export class SubscriptionsController {
  readonly #subscriptions: SubscriptionsService;

  constructor(@Inject(SubscriptionsService) subscriptions: SubscriptionsService) {
    this.#subscriptions = subscriptions;
  }

  @Serve(listSubscriptions)
  list(@Input() { query }: InputOf<typeof listSubscriptions>): Promise<DocumentPage<SubscriptionView>> {
    return this.#subscriptions.list(query);
  }

  @Serve(getSubscription)
  get(@Input() { params, query }: InputOf<typeof getSubscription>): Promise<SubscriptionView> {
    return this.#subscriptions.get(params.name, query);
  }

  @Serve(declareSubscription)
  declare(@Input() { principal, body }: InputOf<typeof declareSubscription>): Promise<SubscriptionResult> {
    return this.#subscriptions.declare(principal, body);
  }

  @Serve(deleteSubscription)
  remove(@Input() { principal, params }: InputOf<typeof deleteSubscription>): Promise<ChangeResult> {
    return this.#subscriptions.remove(principal, params.name);
  }

  @Serve(replaySubscription)
  replay(
    @Input() { principal, params, body }: InputOf<typeof replaySubscription>,
  ): Promise<{ readonly position: number }> {
    return this.#subscriptions.replay(principal, params.name, body.after);
  }
}
