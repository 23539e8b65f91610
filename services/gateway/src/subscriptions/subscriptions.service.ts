// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import type { ChangeResult, Page } from '@plumbline/api-contract';
import { InputError } from '@plumbline/core';
import { API_VERSION, type SubscriptionSpec } from '@plumbline/events';
import { DELIVERY_CURSORS, type DeliveryCursors } from '@plumbline/event-log';
import type { SubscriptionView } from '@plumbline/read-models';
import { actorOf } from '../operations/principal.js';
import { type DocumentQuery, type ItemQuery, notFound, ReadModel } from '../read-side/read-model.js';
import { itemFor } from '../resources/apply-plan.js';
import { ResourcesService } from '../resources/resources.service.js';
import type { Principal } from '../state/access-book.js';
import { LOG_ACCESS, type LogAccess } from '../state/log-access.js';
import { withProgress } from './delivery-progress.js';

/** A subscription as it is asked for. */
export interface SubscriptionInput {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: SubscriptionSpec;
}

/** Answer to a declaration. */
export interface SubscriptionResult {
  readonly action: 'created' | 'configured' | 'unchanged';
  readonly position: number;
}

/** Cursors have no history: queries as of the past show the progress that events recorded. */
const isAsOf = ({ asOf, knownAt }: ItemQuery): boolean => asOf !== undefined || knownAt !== undefined;

/** Declares subscriptions and asks for replays; delivers nothing itself. */
@Injectable()
export class SubscriptionsService {
  readonly #access: LogAccess;
  readonly #reads: ReadModel;
  readonly #resources: ResourcesService;
  readonly #cursors: DeliveryCursors;

  constructor(
    @Inject(LOG_ACCESS) access: LogAccess,
    @Inject(ReadModel) reads: ReadModel,
    @Inject(ResourcesService) resources: ResourcesService,
    @Inject(DELIVERY_CURSORS) cursors: DeliveryCursors,
  ) {
    this.#access = access;
    this.#reads = reads;
    this.#resources = resources;
    this.#cursors = cursors;
  }

  async list(query: DocumentQuery<SubscriptionView>): Promise<Page<SubscriptionView>> {
    const page = await this.#reads.list('subscription', query);
    return isAsOf(query) ? page : { ...page, items: await this.#withProgress(page.items) };
  }

  async get(name: string, query: ItemQuery): Promise<SubscriptionView> {
    const view = await this.#reads.get('subscription', name, query);
    const [current = view] = isAsOf(query) ? [view] : await this.#withProgress([view]);
    return current;
  }

  /**
   * As applying a resource of this kind. @throws InputError PLB-1714 for an endpoint that the operator of the gateway
   * did not allow.
   */
  async declare(principal: Principal, { name, labels, spec }: SubscriptionInput): Promise<SubscriptionResult> {
    const { resources, position } = await this.#resources.apply(principal, {
      resources: [{ apiVersion: API_VERSION, kind: 'Subscription', metadata: { name, labels }, spec }],
      dryRun: false,
    });
    const action = resources[0]?.action ?? 'unchanged';
    return { action: action === 'pruned' ? 'unchanged' : action, position };
  }

  /** @throws NotFoundError PLB-3110 */
  remove(principal: Principal, name: string): Promise<ChangeResult> {
    return this.#resources.remove(principal, { kind: 'Subscription', id: name });
  }

  /** @throws NotFoundError PLB-3110; InputError PLB-1705 for a position beyond the end of the log. */
  async replay(principal: Principal, name: string, after: number): Promise<{ readonly position: number }> {
    const head = await this.#access.log.head();
    if (after >= head)
      throw new InputError('PLB-1705', `there is nothing after position ${after}: the log ends at ${head - 1}`);
    return this.#resources.decideAgainOnConflict(async () => {
      const { position } = await this.#access.append({
        actor: actorOf(principal),
        items: [
          itemFor(this.#access.state, 'Subscription', this.#existing(name).name, {
            type: 'DeliveryReplayRequested',
            data: { subscription: name, after },
          }),
        ],
      });
      return { position };
    });
  }

  async #withProgress(views: readonly SubscriptionView[]): Promise<readonly SubscriptionView[]> {
    const cursors = new Map((await this.#cursors.list()).map((cursor) => [cursor.subscription, cursor]));
    return views.map((view) => withProgress(view, cursors.get(view.name)));
  }

  #existing(name: string): SubscriptionView {
    const found = this.#access.state.views.get('subscription', name);
    if (found === undefined) throw notFound('subscription', name);
    return found;
  }
}
