// SPDX-License-Identifier: Apache-2.0
import { KubeApiError, type KubeObject } from '@plumbline/kube';
import { optsOutOfValidation } from '@plumbline/kube/schema';
import { withoutField } from '../domain/field-path.js';

/** The body that the API server accepted, and its response. */
export interface Sent<Result> {
  readonly result: Result;
  readonly body: KubeObject;
  /** Fields that were left out, because the API server does not know them. */
  readonly dropped: readonly string[];
}

const MAX_DROPPED = 100;
const MAX_NAMED = 20;

/**
 * Sends an object. Server-side apply rejects fields that the schema does not declare, in every mode of validation. An
 * object that opts out
 * of validation is sent again without the fields that the API server names, until it accepts the object; the result
 * is that of
 * `kubectl apply --validate=false`. The rejection of the object decides, not a published schema, which is published
 * late and is incomplete.
 */
export async function applyWithOptOut<Result>(
  object: KubeObject,
  send: (body: KubeObject) => Promise<Result>,
): Promise<Sent<Result>> {
  const dropped: string[] = [];
  for (let body = object; ;) {
    try {
      // The server names them in any order.
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

/** Returns a note for users about fields that were left out; undefined if there are none. */
export function droppedNote(dropped: readonly string[]): string | undefined {
  if (dropped.length === 0) return undefined;
  const more = dropped.length > MAX_NAMED ? ` and ${dropped.length - MAX_NAMED} more` : '';
  return `left out, because the API server does not know ${dropped.length === 1 ? 'it' : 'them'} and validation is disabled for this object: ${dropped.slice(0, MAX_NAMED).join(', ')}${more}`;
}

/** The server names one field of each map: the first that it finds. */
function unknownFields(error: unknown): readonly string[] {
  return error instanceof KubeApiError
    ? error.causes.filter(({ reason }) => reason === 'FieldUnknown').map(({ field }) => field)
    : [];
}
