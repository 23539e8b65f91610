// SPDX-License-Identifier: Apache-2.0
import { InputError, isName } from '@plumbline/core';
import type { NewLegalHold } from './legal-holds.port.js';

const LONGEST_REASON = 1_000;

/** @throws InputError PLB-1172 for a hold that is none */
export function checkLegalHold({ id, from, to, reason }: NewLegalHold): void {
  const whole = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
  if (
    isName(id) &&
    whole(from) &&
    (to === undefined || (whole(to) && to > from)) &&
    reason.trim() !== '' &&
    reason.length <= LONGEST_REASON
  )
    return;
  throw new InputError(
    'PLB-1172',
    'a legal hold needs a name (lower case letters, digits, "-", "."), a reason of at most 1,000 characters, and positions from a first one up to a later one',
  );
}
