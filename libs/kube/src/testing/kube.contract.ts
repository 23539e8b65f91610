// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admissionChecks } from './contract/admission.js';
import { applyChecks } from './contract/apply.js';
import { applyFieldChecks } from './contract/apply-fields.js';
import { Bench, type Check, type KubeContractTarget } from './contract/bench.js';
import { beyondChecks } from './contract/beyond.js';
import { crdChecks } from './contract/crd.js';
import { crudChecks } from './contract/crud.js';
import { deleteChecks } from './contract/delete.js';
import { discoveryChecks } from './contract/discovery.js';
import { listWatchChecks } from './contract/list-watch.js';
import { validationChecks } from './contract/validation.js';

/** A check of the contract suite that an implementation does not pass, and why that is acceptable. */
export interface KnownDifference {
  /** `area: title` of the check. */
  readonly check: string;
  readonly reason: string;
}

/** What a suite runs on. */
export interface KubeContractOptions {
  readonly start: () => Promise<KubeContractTarget>;
  readonly knownDifferences: readonly KnownDifference[];
}

const areas: readonly (readonly [string, (check: Check) => void])[] = [
  ['discovery', discoveryChecks],
  ['crud', crudChecks],
  ['apply', applyChecks],
  ['apply fields', applyFieldChecks],
  ['validation', validationChecks],
  ['list and watch', listWatchChecks],
  ['delete', deleteChecks],
  ['crd', crdChecks],
  ['admission', admissionChecks],
  ['beyond', beyondChecks],
];

/**
 * Checks that something behaves as kube-apiserver does, as far as Plumbline relies on it. Run it on the real server
 * too: that is what makes it true.
 * A known difference must still differ: when its check passes, or exists no more, the suite fails.
 */
export function kubeContract(name: string, { start, knownDifferences }: KubeContractOptions): void {
  describe(name, () => {
    const reasons = new Map(knownDifferences.map(({ check, reason }) => [check, reason]));
    const known = new Set<string>();
    let target: KubeContractTarget;
    let bench: Bench;
    beforeAll(async () => {
      target = await start();
      bench = new Bench(target);
    });
    afterAll(async () => {
      await target?.dispose();
    });
    for (const [area, register] of areas) {
      describe(area, () => {
        register((title, run) => {
          const id = `${area}: ${title}`;
          known.add(id);
          const reason = reasons.get(id);
          if (reason === undefined) it(title, () => run(bench));
          else it.fails(`${title} [known difference: ${reason}]`, () => run(bench));
        });
      });
    }
    it('has a check for every known difference', () => {
      expect([...reasons.keys()].filter((id) => !known.has(id))).toEqual([]);
    });
  });
}
