// SPDX-License-Identifier: Apache-2.0
import { KubeApiError, type KubeObject } from '@plumbline/kube';
import { optsOutOfValidation } from '@plumbline/kube/schema';
import { withoutField } from '../domain/field-path.js';

/** What was sent in the end, and what came of it. */
export interface Sent<Result> {
  readonly result: Result;
  readonly body: KubeObject;
  /** Fields of the object that were not sent, because the API server does not know them. */
  readonly dropped: readonly string[];
}

const MAX_DROPPED = 100;
const MAX_NAMED = 20;

/**
 * Sends an object. Server-side apply refuses fields that the schema does not declare in every mode of validation; an object that has opted out of it is
 * sent again without the fields that the API server names, until there are none, and so becomes what `kubectl apply --validate=false` makes of it. The
 * refusal of this very object decides, not a published schema: that comes later than the one in force, and does not say everything.
 */
export async function tolerantly<Result>(
  object: KubeObject,
  send: (body: KubeObject) => Promise<Result>,
): Promise<Sent<Result>> {
  const dropped: string[] = [];
  for (let body = object; ;) {
    try {
      // The server comes upon them in any order.
      return { result: await send(body), body, dropped: dropped.sort() };
    } catch (error) {
      const before = dropped.length;
      for (const field of optsOutOfValidation(object.metadata.annotations) ? unknownFields(error) : []) {
        const rest = withoutField(body, field);
        if (rest === undefined) continue;
        body = rest;
        dropped.push(field);
      }
      if (dropped.length === before || before > MAX_DROPPED) throw error;
    }
  }
}

/** What users are told of fields that were left out; undefined when there are none. */
export function droppedNote(dropped: readonly string[]): string | undefined {
  if (dropped.length === 0) return undefined;
  const more = dropped.length > MAX_NAMED ? ` and ${dropped.length - MAX_NAMED} more` : '';
  return `left out, because the API server does not know ${dropped.length === 1 ? 'it' : 'them'} and validation is disabled for this object: ${dropped.slice(0, MAX_NAMED).join(', ')}${more}`;
}

/** The server names one field of each map, the first that it comes upon. */
function unknownFields(error: unknown): readonly string[] {
  return error instanceof KubeApiError
    ? error.causes.filter(({ reason }) => reason === 'FieldUnknown').map(({ field }) => field)
    : [];
}
