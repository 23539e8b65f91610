// SPDX-License-Identifier: Apache-2.0
import type { ViewReader } from '@plumbline/read-models';

/** Kinds of documents that decisions look at. */
export const POLICY_KINDS = ['project', 'cluster', 'token', 'application', 'version', 'target'] as const;

/** Reads the documents that decisions look at. */
export type PolicyViews = ViewReader<(typeof POLICY_KINDS)[number]>;
