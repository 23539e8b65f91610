// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import { canonicalJson, InputError, StreamName } from '@plumbline/core';
import type { AppendItem } from '@plumbline/event-log';
import type { NewEvent, SubscriptionSpec } from '@plumbline/events';
import type { SubscriptionView } from '@plumbline/views';
import { actorOf } from '../api/principal.js';
import { GATEWAY_CONFIG } from '../gateway.config.js';
import type { GatewayConfig } from '../gateway.config.js';
import { notFound, ReadModel } from '../reads/read-model.js';
import type { DocumentPage, DocumentQuery, ItemQuery } from '../reads/read-model.js';
import { ResourcesService } from '../resources/resources.service.js';
import type { ChangeResult } from '../resources/resources.service.js';
import type { Principal } from '../state/access-book.js';
import { LOG_ACCESS } from '../state/log-access.js';
import type { LogAccess } from '../state/log-access.js';
import { mayDeliverTo } from './endpoint.js';

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

/** Declares subscriptions and asks for replays; delivers nothing itself. */
@Injectable()
export class SubscriptionsService {
  constructor(
    @Inject(LOG_ACCESS) private readonly access: LogAccess,
    @Inject(ReadModel) private readonly reads: ReadModel,
    @Inject(ResourcesService) private readonly resources: ResourcesService,
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
  ) {}

  list(query: DocumentQuery<SubscriptionView>): Promise<DocumentPage<SubscriptionView>> {
    return this.reads.list('subscription', query);
  }

  get(name: string, query: ItemQuery): Promise<SubscriptionView> {
    return this.reads.get('subscription', name, query);
  }

  /** @throws InputError PLB-1714 for an endpoint that the operator of the gateway did not allow. */
  async declare(principal: Principal, { name, labels, spec }: SubscriptionInput): Promise<SubscriptionResult> {
    if (!mayDeliverTo(spec.url, this.config.subscriptionHosts)) {
      throw new InputError('PLB-1714', `nothing may be delivered to ${hostOf(spec.url)}: PLUMBLINE_GATEWAY_SUBSCRIPTION_HOSTS of the gateway has to name the host (and http:// or a port, if it is not https on 443)`);
    }
    return this.resources.decideAgainOnConflict(async () => {
      const before = this.access.state.views.get('subscription', name);
      const data = { name, labels, spec };
      if (before !== undefined && canonicalJson({ name, labels: before.labels, spec: before.spec }) === canonicalJson(data)) return { action: 'unchanged', position: this.access.position };
      const { position } = await this.access.append({ actor: actorOf(principal), items: [item(name, before, { type: 'SubscriptionDeclared', data })] });
      return { action: before === undefined ? 'created' : 'configured', position };
    });
  }

  /** @throws NotFoundError PLB-3110 */
  async remove(principal: Principal, name: string): Promise<ChangeResult> {
    return this.resources.decideAgainOnConflict(async () => {
      const { position } = await this.access.append({ actor: actorOf(principal), items: [item(name, this.#existing(name), { type: 'SubscriptionRemoved', data: { name } })] });
      return { action: 'removed', position };
    });
  }

  /** @throws NotFoundError PLB-3110; InputError PLB-1705 for a position beyond the end of the log. */
  async replay(principal: Principal, name: string, after: number): Promise<{ readonly position: number }> {
    const head = await this.access.log.head();
    if (after >= head) throw new InputError('PLB-1705', `there is nothing after position ${after}: the log ends at ${head - 1}`);
    return this.resources.decideAgainOnConflict(async () => {
      const { position } = await this.access.append({
        actor: actorOf(principal), items: [item(name, this.#existing(name), { type: 'DeliveryReplayRequested', data: { subscription: name, after } })],
      });
      return { position };
    });
  }

  #existing(name: string): SubscriptionView {
    const found = this.access.state.views.get('subscription', name);
    if (found === undefined) throw notFound('subscription', name);
    return found;
  }
}

function item(name: string, before: SubscriptionView | undefined, event: NewEvent): AppendItem {
  // Notes of deliveries go to the same stream at any time and change nothing that is decided on here.
  return { stream: StreamName.subscription(name), expected: before === undefined ? { type: 'any' } : { type: 'exists' }, events: [event] };
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'this address';
}
