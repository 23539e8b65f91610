// SPDX-License-Identifier: Apache-2.0
import type { AnyOperation } from '@plumbline/api-contract';
import { operationOf } from '../api/operation.js';
import { ApplicationsController } from '../applications/applications.controller.js';
import { EventsController } from '../events/events.controller.js';
import { LogController } from '../log/log.controller.js';
import { UpkeepController } from '../log/upkeep.controller.js';
import { RequestsController } from '../requests/requests.controller.js';
import { ResourcesController } from '../resources/resources.controller.js';
import { SubscriptionsController } from '../subscriptions/subscriptions.controller.js';
import { SystemController } from '../system/system.controller.js';
import { TokensController } from '../tokens/tokens.controller.js';
import { WebhooksController } from '../webhooks/webhooks.controller.js';

/** Every controller of the REST API. */
export const restControllers = [
  ResourcesController,
  ApplicationsController,
  RequestsController,
  EventsController,
  LogController,
  UpkeepController,
  SubscriptionsController,
  TokensController,
  SystemController,
  WebhooksController,
] as const;

/** Operations that the controllers serve. */
export function servedOperations(): readonly AnyOperation[] {
  return restControllers.flatMap((controller) => {
    const methods = Object.getOwnPropertyDescriptors(controller.prototype);
    return Object.values(methods).flatMap(({ value }: PropertyDescriptor) =>
      typeof value === 'function' ? (operationOf(value) ?? []) : [],
    );
  });
}
