// SPDX-License-Identifier: Apache-2.0
import { type ClientOptions, Http } from './http.js';
import type {
  ErasureRequest,
  ErasureResult,
  LegalHoldItem,
  LegalHoldRequest,
  LegalHoldResult,
  ParkedWorkItem,
  ReleaseInfo,
  ReleaseRequest,
} from './log-upkeep.js';

const DEFAULT_WAIT_MS = 30_000;

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

/** The log as a tree, its files (C2SP tlog-tiles), of which nothing is verified here, and what people do to it. */
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
    const { note } = await this.#http.json<{ readonly note: string }>({
      method: 'GET',
      path: '/api/v1/log/checkpoint',
      query: { minSize },
    });
    return note;
  }

  inclusion(position: number, size?: number): Promise<InclusionProofInfo> {
    return this.#http.json({ method: 'GET', path: '/api/v1/log/proofs/inclusion', query: { position, size } });
  }

  /** A file below `/log/<origin>/`. */
  file(origin: string, path: string): Promise<Buffer> {
    return this.#http.bytes({ method: 'GET', path: `/log/${origin}/${path}` });
  }

  /** Events that cannot be applied and hold up their stream, the oldest first. */
  async parked(): Promise<readonly ParkedWorkItem[]> {
    return (
      await this.#http.json<{ readonly items: readonly ParkedWorkItem[] }>({
        method: 'GET',
        path: '/api/v1/log/parked',
      })
    ).items;
  }

  /** Tries parked work again after its cause was mended. */
  release(request: ReleaseRequest): Promise<ReleaseInfo> {
    return this.#waiting('/api/v1/log/parked:release', request);
  }

  /** Legal holds in force, the oldest first; with `lifted` also those that were. */
  async holds(query: { readonly lifted?: boolean } = {}): Promise<readonly LegalHoldItem[]> {
    return (
      await this.#http.json<{ readonly items: readonly LegalHoldItem[] }>({
        method: 'GET',
        path: '/api/v1/log/holds',
        query: { lifted: query.lifted },
      })
    ).items;
  }

  /** The same hold again changes nothing. */
  placeHold(request: LegalHoldRequest): Promise<LegalHoldResult> {
    return this.#http.json({ method: 'POST', path: '/api/v1/log/holds', body: request });
  }

  liftHold(id: string): Promise<LegalHoldResult> {
    return this.#http.json({ method: 'DELETE', path: `/api/v1/log/holds/${encodeURIComponent(id)}` });
  }

  /** Makes a person unreadable in the log, for ever. */
  erasePerson(request: ErasureRequest): Promise<ErasureResult> {
    return this.#waiting('/api/v1/log/persons:erase', request);
  }

  #waiting<Result>(path: string, body: { readonly timeoutMs?: number }): Promise<Result> {
    return this.#http.json({ method: 'POST', path, body, serverWaitMs: body.timeoutMs ?? DEFAULT_WAIT_MS });
  }
}
