// SPDX-License-Identifier: Apache-2.0
import {
  type AnyOperation,
  type BodyOf,
  erasePerson,
  getCheckpoint,
  getInclusionProof,
  getLog,
  liftLegalHold,
  listLegalHolds,
  listParkedWork,
  listQuarantine,
  placeLegalHold,
  type QueryOf,
  releaseParkedWork,
  retryQuarantine,
  type ResultOf,
} from '@plumbline/api-contract';
import { call } from './call.js';
import { type ClientOptions, Http } from './http.js';

type Answer<Op extends AnyOperation> = Promise<ResultOf<Op>>;

/** The log: its tree, its files (C2SP tlog-tiles), neither of which is verified here, and its administration. */
export class LogClient {
  readonly #http: Http;

  constructor(options: ClientOptions) {
    this.#http = new Http(options);
  }

  identity(): Answer<typeof getLog> {
    return call(this.#http, getLog);
  }

  /** A signed note that covers at least so many events. */
  async checkpoint(minSize?: number): Promise<string> {
    return (await call(this.#http, getCheckpoint, { query: { minSize } })).note;
  }

  inclusion(position: number, size?: number): Answer<typeof getInclusionProof> {
    return call(this.#http, getInclusionProof, { query: { position, size } });
  }

  /** A file below `/log/<origin>/`. */
  file(origin: string, path: string): Promise<Buffer> {
    return this.#http.bytes({ method: 'GET', path: `/log/${origin}/${path}` });
  }

  /** Quarantined streams of all consumers, and the consumers whose state is not known. */
  quarantine(): Answer<typeof listQuarantine> {
    return call(this.#http, listQuarantine);
  }

  /**
   * Processes quarantined streams again, and waits for the results. @throws ApiError PLB-3156 when the stream is not
   * quarantined
   */
  retryQuarantine(body: BodyOf<typeof retryQuarantine> = {}): Answer<typeof retryQuarantine> {
    return call(this.#http, retryQuarantine, { body });
  }

  /** Events that a consumer could not process, the oldest first. */
  async parked(): Promise<ResultOf<typeof listParkedWork>['items']> {
    return (await call(this.#http, listParkedWork)).items;
  }

  /** Processes a quarantined event again. */
  release(body: BodyOf<typeof releaseParkedWork>): Answer<typeof releaseParkedWork> {
    return call(this.#http, releaseParkedWork, { body });
  }

  /** Legal holds in force, the oldest first; with `lifted` also those that were lifted. */
  async holds(query: QueryOf<typeof listLegalHolds> = {}): Promise<ResultOf<typeof listLegalHolds>['items']> {
    return (await call(this.#http, listLegalHolds, { query })).items;
  }

  /** Placing the same hold again changes nothing. */
  placeHold(body: BodyOf<typeof placeLegalHold>): Answer<typeof placeLegalHold> {
    return call(this.#http, placeLegalHold, { body });
  }

  liftHold(id: string): Answer<typeof liftLegalHold> {
    return call(this.#http, liftLegalHold, { params: { id } });
  }

  /** Makes a person permanently unreadable in the log. */
  erasePerson(body: BodyOf<typeof erasePerson>): Answer<typeof erasePerson> {
    return call(this.#http, erasePerson, { body });
  }
}
