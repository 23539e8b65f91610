// SPDX-License-Identifier: Apache-2.0
import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  type AnyOperation,
  approveVersion,
  erasePerson,
  getApplication,
  getApplicationStatus,
  getCluster,
  getHistory,
  getProject,
  getRepository,
  getSubscription,
  listApprovals,
  listLegalHolds,
  listParkedWork,
  listQuarantine,
  listTargets,
  listVersions,
  placeLegalHold,
  planApplication,
  releaseParkedWork,
  retryQuarantine,
  rollbackApplication,
} from '@plumbline/api-contract';
import { registry } from './reflection.js';

function messageOf(name: string): DescMessage {
  const message = registry.getMessage(`plumbline.v1.${name}`);
  if (message === undefined) throw new Error(`there is no message ${name}`);
  return message;
}

/** The schema without what only says whether and how it may be absent. */
function bare(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodReadonly || schema instanceof z.ZodDefault)
    return bare(schema.unwrap());
  return schema;
}

/** Fields of a message by JSON name; those of `accepted` are fields of the JSON document itself. */
function fieldsOf(message: DescMessage): ReadonlyMap<string, DescField> {
  return new Map(
    message.fields.flatMap((field): readonly (readonly [string, DescField])[] =>
      field.fieldKind === 'message' && field.jsonName === 'accepted'
        ? [...fieldsOf(field.message)]
        : [[field.jsonName, field]],
    ),
  );
}

/** What the two sides do not agree on: fields that one of them lacks, and values of different types. */
function* differences(path: string, schema: z.core.$ZodType, message: DescMessage): Generator<string> {
  const document = bare(schema);
  if (!(document instanceof z.ZodObject))
    return yield `${path}: the schema is no object, the message ${message.name} is`;
  const fields = fieldsOf(message);
  for (const name of Object.keys(document.shape)) if (!fields.has(name)) yield `${path}.${name}: not in the proto`;
  for (const [name, field] of fields) {
    const value = document.shape[name] as z.ZodType | undefined;
    if (value === undefined) yield `${path}.${name}: not in the contract`;
    else yield* valueDifferences(`${path}.${name}`, bare(value), field);
  }
}

function* valueDifferences(path: string, schema: z.core.$ZodType, field: DescField): Generator<string> {
  switch (field.fieldKind) {
    case 'list':
      if (!(schema instanceof z.ZodArray)) yield `${path}: a list in the proto only`;
      else if (field.listKind === 'message') yield* differences(`${path}[]`, schema.element, field.message);
      return;
    case 'map':
      if (!(schema instanceof z.ZodRecord)) yield `${path}: a map in the proto only`;
      else if (field.mapKind === 'message') yield* differences(`${path}.*`, schema.valueType, field.message);
      return;
    case 'message':
      // A Struct is free JSON: resource specs and the data of events.
      if (field.message.typeName !== 'google.protobuf.Struct') yield* differences(path, schema, field.message);
      return;
    case 'scalar': {
      const wanted = schema instanceof z.ZodNumber ? 'number' : schema instanceof z.ZodBoolean ? 'boolean' : 'string';
      const given =
        field.scalar === ScalarType.STRING ? 'string' : field.scalar === ScalarType.BOOL ? 'boolean' : 'number';
      if (wanted !== given) yield `${path}: ${wanted} in the contract, ${given} in the proto`;
      return;
    }
    default:
      yield `${path}: a field of kind ${field.fieldKind}`;
  }
}

function itemOf({ response }: AnyOperation): z.core.$ZodType {
  const items = response instanceof z.ZodObject ? bare(response.shape['items'] as z.ZodType) : undefined;
  if (!(items instanceof z.ZodArray)) throw new Error('the operation returns no list');
  return items.element;
}

function partOf({ response }: AnyOperation, name: string): z.core.$ZodType {
  const part = response instanceof z.ZodObject ? bare(response.shape[name] as z.ZodType) : undefined;
  if (part === undefined) throw new Error(`the operation returns no ${name}`);
  return part instanceof z.ZodArray ? part.element : part;
}

describe('the documents of the contract and the messages of proto/plumbline/v1', () => {
  it.each<readonly [string, z.core.$ZodType]>([
    ['Application', getApplication.response],
    ['EnvironmentStatus', partOf(getApplicationStatus, 'environments')],
    ['Version', itemOf(listVersions)],
    ['HistoryEntry', itemOf(getHistory)],
    ['Target', itemOf(listTargets)],
    ['Approval', itemOf(listApprovals)],
    ['Project', getProject.response],
    ['Repository', getRepository.response],
    ['Cluster', getCluster.response],
    ['Subscription', getSubscription.response],
    ['TargetPlan', partOf(planApplication, 'plans')],
    ['PlanApplicationResponse', planApplication.response],
    ['ApprovalResult', approveVersion.response],
    ['RollbackApplicationResponse', rollbackApplication.response],
    ['ListQuarantineResponse', listQuarantine.response],
    ['RetryQuarantineResponse', retryQuarantine.response],
    ['ParkedWork', itemOf(listParkedWork)],
    ['ReleaseParkedWorkResponse', releaseParkedWork.response],
    ['LegalHold', itemOf(listLegalHolds)],
    ['PlaceLegalHoldResponse', placeLegalHold.response],
    ['ErasePersonResponse', erasePerson.response],
  ])('have the same fields with the same types: %s', (name, schema) => {
    expect([...differences(name, schema, messageOf(name))]).toEqual([]);
  });

  it('differ when a field is missing on one side', () => {
    const schema = z.object({ name: z.string(), colour: z.string() });
    expect([...differences('Person', schema, messageOf('Person'))]).toEqual([
      'Person.colour: not in the proto',
      'Person.email: not in the contract',
    ]);
  });
});
