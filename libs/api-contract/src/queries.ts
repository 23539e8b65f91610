// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { asOfQuery } from './as-of.js';
import { component } from './component.js';
import type { Immutable } from './immutable.js';

/** A page of a list. */
export function pageOf<Item extends z.ZodType>(
  id: string,
  item: Item,
): z.ZodObject<{ items: z.ZodReadonly<z.ZodArray<Item>>; cursor: z.ZodOptional<z.ZodString>; position: z.ZodNumber }> {
  return component(
    id,
    z
      .object({
        items: z.array(item).readonly().describe('The items.'),
        cursor: z.string().optional().describe('Give it back for the next page; absent on the last.'),
        position: z.number().int().describe('The page reflects all events up to and including this position.'),
      })
      .describe('One page of a list.'),
  );
}

/** Query of every list. */
export const pageQuery = {
  limit: z.coerce.number<string | number>().int().min(1).max(500).default(100).describe('Items on a page at most.'),
  cursor: z.string().max(1000).optional().describe('From the page before.'),
  minPosition: z.coerce
    .number<string | number>()
    .int()
    .min(-1)
    .optional()
    .describe('Wait until the answer reflects all events up to and including this position.'),
  ...asOfQuery,
};

/** Query of a list without filters. */
export const listQuery = z.strictObject(pageQuery);

/** Query of a single item. */
export const itemQuery = z.strictObject({ minPosition: pageQuery.minPosition, ...asOfQuery });

/** Item and cursor of one page. */
export interface Page<Item> {
  readonly items: readonly Item[];
  /** Give it back to get the next page; absent on the last one. */
  readonly cursor?: string | undefined;
  /** The page reflects all events up to and including this position; -1 for an empty log. */
  readonly position: number;
}

/** What to list. */
export type PageQuery = Immutable<z.input<typeof listQuery>>;
/** Which state of one item is wanted. */
export type ItemQuery = Immutable<z.input<typeof itemQuery>>;

const nameText = z.string().min(1).max(63);
export const nameParams = z.strictObject({ name: nameText.describe('Name.') });
export const applicationParams = z.strictObject({
  project: nameText.describe('Name of the project.'),
  name: nameText.describe('Name of the application.'),
});
export const versionParams = z.strictObject({
  ...applicationParams.shape,
  version: z.coerce.number<string | number>().int().min(1).describe('Number of the version.'),
});
/** A boolean in a query. */
export const queryFlag = z.stringbool() as z.ZodType<boolean, string | boolean>;

/** Values in a query, separated by commas. */
export const commaSeparated = z
  .string()
  .max(2000)
  .transform((text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  ) as unknown as z.ZodType<string[], string | readonly string[]>;

/** An application in a query: `NAME` (project default) or `PROJECT/NAME`. */
export const applicationText = z
  .string()
  .max(130)
  .transform((text) => (text.includes('/') ? text : `default/${text}`));
