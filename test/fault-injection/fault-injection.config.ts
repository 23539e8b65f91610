// SPDX-License-Identifier: Apache-2.0

/** Settings of the fault injection. */
export interface FaultInjectionConfig {
  /** `PLUMBLINE_TEST_FAULTS`: number of faults. Default 200. */
  readonly faults: number;
  /** `PLUMBLINE_TEST_FAULT_SEED`: seed of the random choices; repeats those of an earlier run. */
  readonly seed: number;
}

/** Reads the settings from the environment. */
export function faultInjectionConfig(): FaultInjectionConfig {
  const seed = process.env['PLUMBLINE_TEST_FAULT_SEED'];
  return {
    faults: Number(process.env['PLUMBLINE_TEST_FAULTS'] ?? '200'),
    seed: seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(seed),
  };
}
