// SPDX-License-Identifier: Apache-2.0
import { Injectable, type PipeTransform } from '@nestjs/common';
import { type AnyOperation, noBody } from '@plumbline/api-contract';
import type { InputIssue } from '@plumbline/core';
import type { Principal } from '../state/access-book.js';
import { checkedPart, refuseIssues } from './check-input.js';
import type { InputOf } from './operation.js';

/** Parts of a request before validation. */
export interface RawInput {
  readonly served: AnyOperation;
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly principal: Principal;
}

/** Validates the parts of a request against the schemas of its operation. */
@Injectable()
export class InputPipe implements PipeTransform<RawInput, InputOf<AnyOperation>> {
  /** @throws InputError PLB-1701 with every mistake in path, query and body. */
  transform({ served, params, query, body, principal }: RawInput): InputOf<AnyOperation> {
    const issues: InputIssue[] = [];
    const input = {
      params: checkedPart('path', served.params, params, issues),
      query: checkedPart('query', served.query, query, issues),
      body: checkedPart('', served.body, body ?? (served.body === noBody ? undefined : {}), issues),
      principal,
    };
    refuseIssues(issues);
    return input;
  }
}
