// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '@plumbline/core';
import type { EventLog } from '@plumbline/event-log';
import { type EventType, readStoredEvent, type StoredEvent } from '@plumbline/events';
import type { Logger } from '@plumbline/platform';
import { backoff, type EventHandlers, type EventReactor } from '@plumbline/reactor';
import { GatewayFold } from './gateway-fold.js';
import type { GatewayState } from './gateway-state.js';

const PAGE_SIZE = 1_000;
const RETRY = { firstMs: 500, maxMs: 10_000 };

/** Injection token of {@link HandlersFor}. */
export const HANDLERS_FOR = Symbol('HANDLERS_FOR');

/** Returns the handlers of the gateway that change the state of a fold. */
export type HandlersFor = (fold: GatewayFold) => EventHandlers;

/** What a {@link StateRebuild} works with. */
export interface StateRebuildOptions {
  readonly log: Pick<EventLog, 'readBodies'>;
  readonly logger: Logger;
  readonly reactor: Pick<EventReactor, 'nextPosition' | 'quarantined'>;
  readonly handlersFor: HandlersFor;
  /** Ends a run. */
  readonly signal: AbortSignal;
}

/** Processes the whole log into a second state while the reactor goes on with the first one. */
export class StateRebuild {
  readonly #options: StateRebuildOptions;

  constructor(options: StateRebuildOptions) {
    this.#options = options;
  }

  /**
   * Calls `replace` with a state that is at the position of the reactor, in the turn of the event loop in which it
   * is. Tries again when
   * the log cannot be read; resolves without a call when the signal aborts. Never rejects.
   */
  async run(replace: (state: GatewayState) => void): Promise<void> {
    const { logger, signal } = this.#options;
    let pass = new Pass(this.#options);
    for (let failures = 0; !signal.aborted;) {
      try {
        await this.#read(pass);
        failures = 0;
        if (pass.isValid) return signal.aborted ? undefined : replace(pass.state);
        // A stream recovered after this pass had left events of it out.
        pass = new Pass(this.#options);
      } catch (error) {
        failures += 1;
        logger.warn(
          'a person was erased, and the gateway cannot read the log to remove the person from its state; it tries again',
          { error: messageOf(error) },
        );
        await delay(backoff(RETRY, failures, Math.random()), undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /** Returns in the turn in which the pass has reached the reactor. */
  async #read(pass: Pass): Promise<void> {
    const { log, reactor, signal } = this.#options;
    while (pass.next < reactor.nextPosition && !signal.aborted) {
      const limit = Math.min(PAGE_SIZE, reactor.nextPosition - pass.next);
      const { bodies, nextPosition } = await log.readBodies({ from: pass.next, limit });
      for (const { position, body } of bodies) pass.process(readStoredEvent(position, body));
      pass.next = nextPosition;
    }
  }
}

/** One way through the log. */
class Pass {
  readonly #reactor: StateRebuildOptions['reactor'];
  readonly #fold = new GatewayFold();
  readonly #handlers: EventHandlers;
  /** Position of the first event that was left out, by stream. */
  readonly #leftOut = new Map<string, number>();

  next = 0;

  constructor({ reactor, handlersFor }: Pick<StateRebuildOptions, 'reactor' | 'handlersFor'>) {
    this.#reactor = reactor;
    this.#handlers = handlersFor(this.#fold);
  }

  get state(): GatewayState {
    return this.#fold.state;
  }

  /** True while the reactor has not processed what this pass left out. */
  get isValid(): boolean {
    return [...this.#leftOut].every(([stream, position]) => this.#isQuarantined(stream, position));
  }

  /** Processes one event, and leaves out what the reactor has quarantined. */
  process(event: StoredEvent): void {
    // After a failure a page may come again.
    if (event.position < this.next) return;
    this.next = event.position + 1;
    const { stream, position } = event;
    if (stream !== undefined && this.#isQuarantined(stream, position))
      this.#leftOut.set(stream, this.#leftOut.get(stream) ?? position);
    else if (event.type !== 'Undecodable') void this.#handlers.get(event.type as EventType)?.(event);
    this.state.recorded(event);
  }

  #isQuarantined(stream: string, position: number): boolean {
    return this.#reactor.quarantined.some((entry) => entry.stream === stream && entry.position <= position);
  }
}
