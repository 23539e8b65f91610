// SPDX-License-Identifier: Apache-2.0
import { expect } from 'vitest';

/** A pure decision: what is known, plus a command, gives events. */
export interface Decider<State, Command, Event> {
  readonly initialState: State;
  readonly decide: (state: State, command: Command) => readonly Event[];
  readonly evolve: (state: State, event: Event) => State;
}

/** What follows from the command. */
export interface Outcome<Event> {
  then(...expected: readonly Event[]): void;
  thenNothing(): void;
  /** The command is refused; the check receives the error. */
  thenThrows(check: (error: unknown) => void): void;
}

/** The first half of a sentence: what happened before. */
export interface Given<Command, Event> {
  when(command: Command): Outcome<Event>;
}

/**
 * Lets a decider's spec read like its requirement:
 * `const given = deciderSpec(decider); given(observed).when(release).then(released);`
 */
export function deciderSpec<State, Command, Event>(
  decider: Decider<State, Command, Event>,
): (...history: readonly Event[]) => Given<Command, Event> {
  return (...history) => ({
    when: (command) => {
      const decide = (): readonly Event[] =>
        decider.decide(history.reduce(decider.evolve, decider.initialState), command);
      return {
        // oxlint-disable-next-line unicorn/no-thenable -- given/when/then is the vocabulary; nobody awaits an outcome
        then: (...expected) => expect(decide()).toEqual(expected),
        thenNothing: () => expect(decide()).toEqual([]),
        thenThrows: (check) => {
          let thrown: unknown;
          try {
            decide();
          } catch (error) {
            thrown = error;
          }
          expect(thrown, 'the command was accepted').toBeDefined();
          check(thrown);
        },
      };
    },
  });
}
