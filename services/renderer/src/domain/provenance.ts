// SPDX-License-Identifier: Apache-2.0

/** Who the renderer's events are from. */
export const ACTOR = { kind: 'service', id: 'renderer', name: 'renderer' } as const;
