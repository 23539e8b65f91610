// SPDX-License-Identifier: Apache-2.0
import type { RecordedEvent } from '@plumbline/events';

/** The same type with every field, list and map read-only, at any depth. Events already are. */
export type Immutable<Value> = Value extends RecordedEvent
  ? Value
  : Value extends readonly (infer Item)[]
    ? readonly Immutable<Item>[]
    : Value extends object
      ? { readonly [Key in keyof Value]: Immutable<Value[Key]> }
      : Value;
