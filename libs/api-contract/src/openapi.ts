// SPDX-License-Identifier: Apache-2.0
import { errorDefinition, httpStatusOf } from '@plumbline/core';
import { z } from 'zod';
import { named } from './component.js';
import { type AnyOperation, noBody } from './operation.js';
import { allOperations } from './operations/index.js';
import { PRESENT_ONLY } from './present-only.js';

type JsonObject = Record<string, unknown>;

const uri = (id: string): string => `#/components/schemas/${id}`;

/** Codes that every operation may answer with, by access. */
function commonErrors({ access, path }: AnyOperation): readonly string[] {
  const input = ['PLB-1701'];
  const overloaded = ['PLB-5703', 'PLB-9000'];
  if (access === 'public') return path.startsWith('/webhooks/') ? [...input, ...overloaded] : ['PLB-9000'];
  return [...input, 'PLB-2001', 'PLB-2002', ...(access === 'viewer' ? [] : ['PLB-2120']), 'PLB-5701', ...overloaded];
}

/** Returns the OpenAPI 3.1 document of the REST API, derived from its operations. */
export function openApiDocument(
  version: string,
  operations: readonly AnyOperation[] = allOperations,
): Readonly<Record<string, unknown>> {
  const paths: Record<string, JsonObject> = {};
  for (const served of operations) {
    const path = (paths[served.path] ??= {});
    path[served.method.toLowerCase()] = operationObject(served);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Plumbline',
      version,
      summary: 'Event-sourced GitOps control plane.',
      description:
        'Every change is an event in one append-only log. Lists are paged by `cursor`; `minPosition` waits until an answer reflects what you did before.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }],
    tags: [...new Set(operations.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: componentSchemas(),
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'An access token: `plumb_…`.' } },
    },
  };
}

function componentSchemas(): JsonObject {
  // The registry of names gives the components, the global one the descriptions.
  const { schemas } = z.toJSONSchema(named, { uri, io: 'input', unrepresentable: 'any' });
  return {
    ...Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, plain(schema)])),
    Error: errorSchema,
  };
}

/** Without what OpenAPI says elsewhere. */
function plain(schema: object): JsonObject {
  const { $schema: _, $id: __, ...rest } = schema as JsonObject;
  return rest;
}

const errorSchema: JsonObject = {
  type: 'object',
  description: 'What went wrong.',
  required: ['code', 'message', 'details', 'instance'],
  properties: {
    code: { type: 'string', pattern: '^PLB-[0-9]{4}$', description: 'Code of the error; never reused.' },
    message: { type: 'string', description: 'What happened and what to do, for people.' },
    details: { type: 'object', description: 'Facts; `issues` lists every mistake of an input.' },
    instance: { type: 'string', description: 'Finds the line of this failure in the log of the server.' },
  },
};

function operationObject(served: AnyOperation): JsonObject {
  const codes = [...new Set([...commonErrors(served), ...served.errors])].sort();
  return {
    operationId: served.id,
    summary: served.summary,
    tags: [served.tag],
    ...(served.description === undefined ? {} : { description: served.description }),
    ...(served.access === 'public' ? { security: [] } : {}),
    'x-access': served.access,
    ...(Object.hasOwn(PRESENT_ONLY, served.id) ? { 'x-present-only': PRESENT_ONLY[served.id] } : {}),
    'x-error-codes': codes,
    parameters: [...parameters('path', served.params), ...parameters('query', served.query)],
    ...requestBody(served),
    responses: {
      [String(served.status)]: {
        description: 'Done.',
        content: {
          [served.responseType ?? 'application/json']: { schema: schemaOf(served.response), example: served.example },
        },
      },
      ...errorResponses(codes),
    },
  };
}

function requestBody({ body, bodyExample }: AnyOperation): JsonObject {
  if (body === noBody && bodyExample === undefined) return {};
  const schema = body === noBody ? { type: 'object', description: 'As the provider sends it.' } : schemaOf(body);
  return { requestBody: { required: true, content: { 'application/json': { schema, example: bodyExample } } } };
}

function parameters(place: 'path' | 'query', schema: z.ZodType): readonly JsonObject[] {
  if (!(schema instanceof z.ZodObject)) return [];
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as {
    readonly properties?: Readonly<Record<string, JsonObject>>;
    readonly required?: readonly string[];
  };
  return Object.entries(json.properties ?? {}).map(([name, { description, ...rest }]) => ({
    name,
    in: place,
    required: place === 'path' || (json.required ?? []).includes(name),
    description,
    schema: rest,
  }));
}

/** A reference to a component; a schema in place for the few that have no name. */
function schemaOf(schema: z.ZodType): JsonObject {
  const name = named.get(schema)?.id;
  return name === undefined
    ? plain(z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' }))
    : { $ref: uri(name) };
}

/** Title of a code for the API document. */
function titleOf(code: string): string {
  return errorDefinition(code)?.title ?? '';
}

function errorResponses(codes: readonly string[]): JsonObject {
  const byStatus = Map.groupBy(codes, (code) => String(httpStatusOf(code)));
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [
      status,
      {
        description: group.map((code) => `\`${code}\` ${titleOf(code)}`).join('; '),
        content: {
          'application/json': {
            schema: { $ref: uri('Error') },
            example: { code: group[0], message: titleOf(group[0] ?? ''), details: {}, instance: '0b3c4f1e-…' },
          },
        },
      },
    ]),
  );
}
