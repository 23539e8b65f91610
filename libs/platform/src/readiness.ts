// SPDX-License-Identifier: Apache-2.0

/** One part of a process and whether it can do its work. */
export interface ReadinessState {
  readonly part: string;
  readonly ready: boolean;
  readonly detail?: string;
}

/** What `/readyz` answers from. A part that never reported is not waited for, so report `false` early. */
export class Readiness {
  readonly #states = new Map<string, ReadinessState>();

  /** Reports a part, for example `('watcher', false, 'catching up')`; the last report counts. */
  report(part: string, ready: boolean, detail?: string): void {
    this.#states.set(part, detail === undefined ? { part, ready } : { part, ready, detail });
  }

  /** True when no part has reported that it is not ready. */
  get ready(): boolean {
    return [...this.#states.values()].every((state) => state.ready);
  }

  get states(): readonly ReadinessState[] {
    return [...this.#states.values()];
  }
}

/** Where the parts of a process listen, known once they do: `('rest', 'http://127.0.0.1:8080')`. */
export class Endpoints {
  readonly #urls = new Map<string, string>();

  announce(name: string, url: string): void {
    this.#urls.set(name, url);
  }

  /** URL of a part, or undefined while it does not listen. */
  get(name: string): string | undefined {
    return this.#urls.get(name);
  }

  get all(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#urls);
  }
}
