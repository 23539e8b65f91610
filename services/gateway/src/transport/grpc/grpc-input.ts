// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { itemQuery, type Page, pageQuery } from '@plumbline/api-contract';
import { ApplicationId } from '@plumbline/core';
import { checkInput } from '../../operations/check-input.js';
import type { Plain } from './codec.js';
import type { PageRequest } from './generated/plumbline/v1/plumbline_pb.js';

const pageSchema = z.strictObject(pageQuery);

/** Checks a page request as REST does; zero and empty are absent. */
export function pageInput(page: Partial<Plain<PageRequest>> | undefined): z.output<typeof pageSchema> {
  const { limit = 0, cursor = '', minPosition, asOf, knownAt } = page ?? {};
  return checkInput(pageSchema, {
    limit: limit === 0 ? undefined : limit,
    cursor: cursor === '' ? undefined : cursor,
    minPosition,
    asOf,
    knownAt,
  });
}

/** Checks which state of one item is wanted, as REST does. */
export function itemInput({ minPosition, asOf, knownAt }: z.input<typeof itemQuery>): z.output<typeof itemQuery> {
  return checkInput(itemQuery, { minPosition, asOf, knownAt });
}

/** Where a page stands. */
export function pageInfo({ cursor, position }: Page<unknown>): { readonly cursor: string; readonly position: number } {
  return { cursor: cursor ?? '', position };
}

/** @throws InputError PLB-1001 */
export function applicationOf(text: string): string {
  return ApplicationId.parse(text);
}

/** An application that may be left out. */
export function optionalApplication(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : ApplicationId.parse(text);
}
