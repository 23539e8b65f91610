// SPDX-License-Identifier: Apache-2.0

/** What the environment says about the fault injection. */
export interface FaultInjectionConfig {
  /** `PLUMBLINE_TEST_FAULTS`: how many faults; 200 when absent. */
  readonly faults: number;
  /** `PLUMBLINE_TEST_FAULT_SEED`: repeats the choices of an earlier run. */
  readonly seed: number;
}

/** The environment, read. */
export function faultInjectionConfig(): FaultInjectionConfig {
  const seed = process.env['PLUMBLINE_TEST_FAULT_SEED'];
  return {
    faults: Number(process.env['PLUMBLINE_TEST_FAULTS'] ?? '200'),
    seed: seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(seed),
  };
}
