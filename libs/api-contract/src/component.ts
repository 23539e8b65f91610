// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';

/** Schemas that the OpenAPI document lists as components, by name. */
export const named = z.registry<{ id: string }>();

/** Registers a schema as a component of the OpenAPI document. Names are unique. */
export function component<Schema extends z.ZodType>(id: string, schema: Schema): Schema {
  named.add(schema, { id });
  return schema;
}
