// SPDX-License-Identifier: Apache-2.0
import { InputError, type InputIssue } from '@plumbline/core';
import { issuesOf } from '@plumbline/events';
import type { z } from 'zod';

/** Checks a value against a schema. @throws InputError PLB-1701. */
export function checkInput<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const issues: InputIssue[] = [];
  const checked = checkedPart('', schema, value, issues);
  refuseIssues(issues);
  return checked as z.output<Schema>;
}

/** Checks one part of a request and notes its mistakes. */
export function checkedPart(prefix: string, schema: z.ZodType, value: unknown, issues: InputIssue[]): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  issues.push(...issuesOf(result.error, prefix));
  return undefined;
}

const SHOWN = 100;

/** @throws InputError PLB-1701 with the mistakes, if there are any. */
export function refuseIssues(issues: readonly InputIssue[]): void {
  if (issues.length === 0) return;
  const shown = issues.slice(0, SHOWN);
  const text = shown
    .slice(0, 5)
    .map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
    .join('; ');
  const more = issues.length > 5 ? `; and ${issues.length - 5} more` : '';
  throw new InputError('PLB-1701', `the request is not valid: ${text}${more}`, { issues: shown });
}
