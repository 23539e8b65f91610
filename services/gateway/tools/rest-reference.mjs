// SPDX-License-Identifier: Apache-2.0
// docs/reference/rest.md from the operations of @plumbline/api-contract.
import { openApiDocument } from '@plumbline/api-contract';
import { SERVER_VERSION } from '../dist/server/server-version.js';

const cell = (text) =>
  String(text ?? '')
    .replaceAll('|', '\\|')
    .replaceAll('\n', ' ');
const json = (value) => `\`\`\`json\n${JSON.stringify(value, undefined, 2)}\n\`\`\``;
const nameOf = (reference) => reference.split('/').at(-1);
const linkTo = (name) => `[${name}](#${name.toLowerCase()})`;

function typeOf(schema = {}) {
  if (schema.$ref !== undefined) return linkTo(nameOf(schema.$ref));
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(', ');
  const options = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (options !== undefined) return [...new Set(options.map(typeOf))].join(' or ');
  if (schema.type === 'array') return `list of ${typeOf(schema.items)}`;
  if (schema.type === 'object')
    return typeof schema.additionalProperties === 'object' && schema.properties === undefined
      ? `map of ${typeOf(schema.additionalProperties)}`
      : 'object';
  return schema.type ?? 'any JSON';
}

/** Every field below a schema, as `a.b[].c`; components are linked, not repeated. */
function* fields(schema, path = '') {
  for (const option of schema.oneOf ?? schema.anyOf ?? []) yield* fields(option, path);
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const at = path === '' ? name : `${path}.${name}`;
    yield [at, field, (schema.required ?? []).includes(name)];
    if (field.$ref === undefined) yield* fields(field, at);
  }
  if (schema.items !== undefined && schema.items.$ref === undefined) yield* fields(schema.items, `${path}[]`);
  if (typeof schema.additionalProperties === 'object' && schema.additionalProperties.$ref === undefined)
    yield* fields(schema.additionalProperties, `${path}.*`);
}

function table(schema) {
  const seen = new Set();
  const rows = [...fields(schema)].flatMap(([path, field, required]) => {
    if (seen.has(path)) return [];
    seen.add(path);
    const fallback = field.default === undefined ? '' : ` Default: \`${JSON.stringify(field.default)}\`.`;
    return [
      `| \`${path}\`${required ? '' : '\\*'} | ${cell(typeOf(field))} | ${cell(field.description)}${cell(fallback)} |`,
    ];
  });
  return rows.length === 0 ? [] : ['', '| field | values | meaning |', '| --- | --- | --- |', ...rows];
}

function operationLines(path, method, operation) {
  const access = operation['x-access'] === 'public' ? 'Needs no token.' : `Role: ${operation['x-access']}.`;
  const lines = [`\n### ${method.toUpperCase()} ${path}\n`, `${operation.summary} ${access}`];
  if (operation.description !== undefined) lines.push('', operation.description);
  const parameters = operation.parameters.filter((parameter) => parameter.in === 'query');
  if (parameters.length > 0) {
    lines.push(
      '',
      '| query | values | meaning |',
      '| --- | --- | --- |',
      ...parameters.map(({ name, schema, description }) => {
        const fallback = schema.default === undefined ? '' : ` Default: \`${JSON.stringify(schema.default)}\`.`;
        return `| \`${name}\` | ${cell(typeOf(schema))} | ${cell(description)}${cell(fallback)} |`;
      }),
    );
  }
  const body = operation.requestBody?.content['application/json'];
  if (body !== undefined) lines.push('', `Body: ${typeOf(body.schema)}, for example`, '', json(body.example));
  const [status, answer] = Object.entries(operation.responses).find(([code]) => code.startsWith('2'));
  const [[type, content]] = Object.entries(answer.content);
  const shown = type === 'application/json' ? json(content.example) : `\`\`\`\n${content.example.trimEnd()}\n\`\`\``;
  lines.push(
    '',
    `Answers ${status}: ${type === 'application/json' ? typeOf(content.schema) : `\`${type}\``}, for example`,
    '',
    shown,
    '',
    `Errors: ${operation['x-error-codes'].map((code) => `\`${code}\``).join(', ')}.`,
  );
  return lines;
}

/** The page, for people. */
export function restReference(note) {
  const document = openApiDocument(SERVER_VERSION);
  const lines = [
    '# REST API',
    note,
    'The gateway serves this page as OpenAPI 3.1 under `/openapi.json`, and to try it under `/docs`. gRPC (`proto/plumbline/v1`) serves the same.',
    '',
    '- Send `Authorization: Bearer plumb_…`. Roles: viewer < operator < admin.',
    '- Lists answer `{items, cursor, position}`. Give `cursor` back for the next page; it is absent on the last. `position` says up to which event the answer reflects the log.',
    '- An answer reflects at least what the same gateway appended before. With `minPosition` it waits until it reflects that event too (up to a few seconds, then `PLB-5102`).',
    '- A request for a change answers with `position` and `eventId`; what comes of it carries the `eventId` as `causationId`. Requests with `timeoutMs` wait for that.',
    '- An error answers with [Error](#error) and the status of its kind: 400 input, 401 and 403 access, 404 absent, 409 conflict, 502 upstream, 503 overloaded (with `Retry-After`), 500 a bug. Codes: [errors](errors.md).',
    '- A field marked `*` may be absent. Fields and values may be added; none is removed or changes its meaning within `v1`.',
  ];
  for (const { name: tag } of document.tags) {
    lines.push(`\n## ${tag}`);
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(methods))
        if (operation.tags.includes(tag)) lines.push(...operationLines(path, method, operation));
    }
  }
  lines.push('\n## Shapes');
  for (const [name, schema] of Object.entries(document.components.schemas).sort(([left], [right]) =>
    left < right ? -1 : 1,
  )) {
    lines.push(`\n### ${name}\n`, schema.description ?? '', ...table(schema));
  }
  return `${lines.join('\n')}\n`;
}
