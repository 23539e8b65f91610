// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import type { applyResources, ApplyResult, ChangeResult, InputOf } from '@plumbline/api-contract';
import { ConflictError } from '@plumbline/core';
import { matchesLabels, type ResourceKind } from '@plumbline/events';
import { actorOf } from '../operations/principal.js';
import { requireRole } from '../auth/role.guard.js';
import { GATEWAY_CONFIG, type GatewayConfig } from '../gateway.config.js';
import { notFound } from '../read-side/read-model.js';
import type { Principal } from '../state/access-book.js';
import { LOG_ACCESS, type LogAccess } from '../state/log-access.js';
import { assertUnused, declaredWithout, itemFor, planApply } from './apply-plan.js';
import { currentOf, type Declared, removal } from './declared.js';

/** Validated body of an apply. */
export type ApplyInput = InputOf<typeof applyResources>['body'];

/** What to remove, and how. */
export interface RemoveInput {
  readonly kind: ResourceKind;
  readonly id: string;
  readonly mode?: 'Delete' | 'Orphan';
  /** Forget a cluster although objects of ours may be on it. */
  readonly force?: boolean;
}

const ATTEMPTS = 8;

/** Declares and removes projects, repositories, clusters, applications and subscriptions. */
@Injectable()
export class ResourcesService {
  readonly #access: LogAccess;
  readonly #config: GatewayConfig;

  constructor(@Inject(LOG_ACCESS) access: LogAccess, @Inject(GATEWAY_CONFIG) config: GatewayConfig) {
    this.#access = access;
    this.#config = config;
  }

  /** All of the resources in one append, or none. What is declared already makes no event. */
  async apply(principal: Principal, input: ApplyInput): Promise<ApplyResult> {
    const { dryRun, prune, resources: given } = input;
    const prunes =
      prune === undefined ? undefined : ({ labels }: Declared) => matchesLabels(labels, prune.labelSelector);
    return this.decideAgainOnConflict(async () => {
      const { resources, items } = planApply(this.#access.state, {
        resources: given,
        prunes,
        deliveryHosts: this.#config.subscriptionHosts,
        position: this.#access.position,
      });
      for (const { kind, action } of resources) {
        if (action !== 'unchanged') requireRole(principal, neededRole(kind));
      }
      if (dryRun || items.length === 0) return { dryRun, resources, position: this.#access.position };
      const { position } = await this.#access.append({ actor: actorOf(principal), items });
      return { dryRun, resources, position };
    });
  }

  /** @throws NotFoundError PLB-31xx; ConflictError PLB-4701 while others need it. */
  async remove(principal: Principal, input: RemoveInput): Promise<ChangeResult> {
    const { kind, id, mode = 'Delete' } = input;
    requireRole(principal, neededRole(kind));
    return this.decideAgainOnConflict(async () => {
      const { state } = this.#access;
      const pending = kind === 'Application' ? state.views.get('application', id)?.removal : undefined;
      if (pending?.mode === mode) return { action: 'unchanged', position: this.#access.position };
      if (pending === undefined && currentOf(state.views, kind, id) === undefined) throw notFound(kindName(kind), id);
      if (input.force !== true) assertUnused(state, declaredWithout(state, { kind, id }), { kind, id });
      const { position } = await this.#access.append({
        actor: actorOf(principal),
        items: [itemFor(state, kind, id, removal(kind, id, mode))],
      });
      return { action: 'removed', position };
    });
  }

  /** Other services append to the same streams: when one was faster, look and decide again. */
  async decideAgainOnConflict<Result>(decide: () => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt += 1) {
      await this.#access.refresh();
      try {
        return await decide();
      } catch (error) {
        if (!(error instanceof ConflictError) || error.code !== 'PLB-4101') throw error;
        if (attempt >= ATTEMPTS)
          throw new ConflictError('PLB-4704', 'others keep changing the same things: try again', { cause: error });
      }
    }
  }
}

/** Applications belong to operators, within the limits of their project; the fences themselves to admins. */
function neededRole(kind: ResourceKind): 'operator' | 'admin' {
  return kind === 'Application' ? 'operator' : 'admin';
}

function kindName(kind: ResourceKind): 'project' | 'repository' | 'cluster' | 'application' | 'subscription' {
  const names = {
    Project: 'project',
    Repository: 'repository',
    Cluster: 'cluster',
    Application: 'application',
    Subscription: 'subscription',
  } as const;
  return names[kind];
}
