// SPDX-License-Identifier: Apache-2.0
import { InputError, type InputIssue } from '@plumbline/core';
import { issuesOf, resource, type Resource } from '@plumbline/events';
import { z } from 'zod';

/**
 * What the renderer stores for a ResourcesRead: the documents as they are written, each with its `file#index`.
 * Whether they are resources is judged here, so that one judge says it for the API and for repositories.
 */
const content = z.object({ resources: z.array(z.object({ source: z.string(), resource: z.unknown() })).readonly() });

/** The resources in a stored content. @throws InputError PLB-1716 with every mistake, each at its `file#index`. */
export function parseFollowed(text: string): readonly Resource[] {
  const { resources } = content.parse(JSON.parse(text));
  const issues: InputIssue[] = [];
  const parsed: Resource[] = [];
  for (const { source, resource: document } of resources) {
    const result = resource.safeParse(document);
    if (result.success) parsed.push(result.data);
    else issues.push(...issuesOf(result.error, source));
  }
  if (issues.length > 0) {
    const shown = issues
      .slice(0, 5)
      .map(({ path, message }) => `${path}: ${message}`)
      .join('; ');
    throw new InputError('PLB-1716', `the resources of the repository are not valid (${issues.length}): ${shown}`, {
      issues,
    });
  }
  return parsed;
}
