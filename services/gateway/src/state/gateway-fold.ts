// SPDX-License-Identifier: Apache-2.0
import type { Fold } from '@plumbline/reactor';
import { GatewayState } from './gateway-state.js';

/** Holds the state that the handlers of the gateway change; it is replaced as a whole after a person was erased. */
export class GatewayFold implements Fold {
  #state = new GatewayState();

  get state(): GatewayState {
    return this.#state;
  }

  /** Continues with another state, which must be at the same position. */
  replace(state: GatewayState): void {
    this.#state = state;
  }

  snapshot(): unknown {
    return this.#state.snapshot();
  }

  restore(state: unknown): void {
    const restored = new GatewayState();
    restored.restore(state);
    this.#state = restored;
  }
}
