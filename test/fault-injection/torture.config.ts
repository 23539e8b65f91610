// SPDX-License-Identifier: Apache-2.0

/** What the environment says about the torture of the log. */
export interface TortureConfig {
  /** `PLUMBLINE_TORTURE_FAULTS`: how many faults; 200 when absent. */
  readonly faults: number;
  /** `PLUMBLINE_TORTURE_SEED`: repeats the choices of an earlier run. */
  readonly seed: number;
}

/** The environment, read. */
export function tortureConfig(): TortureConfig {
  const seed = process.env['PLUMBLINE_TORTURE_SEED'];
  return {
    faults: Number(process.env['PLUMBLINE_TORTURE_FAULTS'] ?? '200'),
    seed: seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(seed),
  };
}
