// SPDX-License-Identifier: Apache-2.0
import { strategy, type Strategy } from '../strategy.js';
import { APPS } from './apps.js';
import { BATCH } from './batch.js';
import { CONFIG } from './config.js';
import { CORE } from './core.js';
import { CRDS } from './crds.js';
import { NETWORKING } from './networking.js';
import { OTHERS } from './others.js';

const ALL: Readonly<Record<string, Strategy>> = {
  ...APPS,
  ...BATCH,
  ...CONFIG,
  ...CORE,
  ...CRDS,
  ...NETWORKING,
  ...OTHERS,
};
const COMMON = strategy();

/** The strategy of a built-in kind. */
export function strategyOf(group: string, kind: string): Strategy {
  return ALL[`${group}/${kind}`] ?? COMMON;
}
