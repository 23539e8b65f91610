// SPDX-License-Identifier: Apache-2.0
import { NotFoundError } from '@plumbline/core';
import type { Accepted } from '@plumbline/api-contract';
import type { NewEvent } from '@plumbline/events';
import type { ApplicationView } from '@plumbline/read-models';
import { actorOf } from '../operations/principal.js';
import { notFound } from '../read-side/read-model.js';
import type { Principal } from '../state/access-book.js';
import type { LogAccess } from '../state/log-access.js';

/** Appends one event in the name of the principal, whatever the revision of its stream. */
export function request(access: LogAccess, principal: Principal, stream: string, event: NewEvent): Promise<Accepted> {
  return access.append({
    actor: actorOf(principal),
    items: [{ stream, expected: { type: 'any' }, events: [event] }],
  });
}

/**
 * Returns an application as of the newest event of the log.
 * @throws NotFoundError PLB-3101, PLB-3107 when it does not have the environment
 */
export async function requireApplication(
  access: LogAccess,
  id: string,
  environment?: string,
): Promise<ApplicationView> {
  await access.refresh();
  const application = access.state.views.get('application', id);
  if (application === undefined) throw notFound('application', id);
  if (environment !== undefined && application.environments[environment] === undefined) {
    throw new NotFoundError(
      'PLB-3107',
      `application "${id}" has no environment "${environment}"; it has ${Object.keys(application.environments).join(', ')}`,
    );
  }
  return application;
}
