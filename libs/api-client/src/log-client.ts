// SPDX-License-Identifier: Apache-2.0
import { Http } from './http.js';
import type { ClientOptions } from './http.js';

/** Who signs a log, as its server says: believe it only after comparing the key. */
export interface LogIdentityInfo {
  readonly origin: string;
  readonly verifierKey?: string;
  readonly witnessKeys: readonly string[];
}

/** A proof that an event is in the log. */
export interface InclusionProofInfo {
  readonly position: number;
  readonly size: number;
  readonly leaf: string;
  readonly hashes: readonly string[];
  readonly checkpoint?: string;
}

/** The log as a tree, and its files (C2SP tlog-tiles). Nothing of it is verified here. */
export class LogClient {
  readonly #http: Http;

  constructor(options: ClientOptions) {
    this.#http = new Http(options);
  }

  identity(): Promise<LogIdentityInfo> {
    return this.#http.json({ method: 'GET', path: '/api/v1/log' });
  }

  /** A signed note that covers at least so many events. */
  async checkpoint(minSize?: number): Promise<string> {
    const { note } = await this.#http.json<{ readonly note: string }>({ method: 'GET', path: '/api/v1/log/checkpoint', query: { minSize } });
    return note;
  }

  inclusion(position: number, size?: number): Promise<InclusionProofInfo> {
    return this.#http.json({ method: 'GET', path: '/api/v1/log/proofs/inclusion', query: { position, size } });
  }

  /** A file below `/log/<origin>/`. */
  file(origin: string, path: string): Promise<Buffer> {
    return this.#http.bytes({ method: 'GET', path: `/log/${origin}/${path}` });
  }
}
