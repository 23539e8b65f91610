// SPDX-License-Identifier: Apache-2.0
import type { ServedQueries } from './log-server.js';

/** Queries of a door that is asked none. */
export const noQueries: ServedQueries = {
  getView: async () => undefined,
  listView: async () => ({ documents: [], position: 0 }),
  auditBodies: async () => ({ bodies: [] }),
  getViewAsOf: async () => undefined,
  listTextsAsOf: async () => ({ documents: [] }),
  positionAt: async () => 0,
};

/** Tells nobody. */
export const silent = { error: (): void => undefined, info: (): void => undefined };
