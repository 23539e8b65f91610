// SPDX-License-Identifier: Apache-2.0
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { InputError, InvariantError, messageOf, UpstreamError } from '@plumbline/core';
import type pg from 'pg';
import type { AppendRequest, StoredBody } from '@plumbline/event-log';
import { hasSealed, reveal, sealPersonal, subjectOf, subjectsIn } from './personal-seal.js';
import { personsOf, sealRequest } from './personal-request.js';
import { Lru } from '../lru.js';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** How long a key is used without asking for it again. */
const KEY_AGE_MS = 10_000;

const ERASED_AT = `to_char(erased_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/** A person that the log has sealed something of. */
export interface KnownPerson {
  /** Since when nobody can read it. */
  readonly erasedAt?: string;
}

interface KnownKey {
  readonly key: Buffer | undefined;
  readonly untilMs: number;
}

/**
 * Personal data in the log: sealed under a key for each person before it is hashed and stored, opened when it is
 * read. Without the key
 * of a person nobody can open what was stored, while hashes, checkpoints and proofs stay as they were.
 */
export class PersonalFields {
  readonly #pool: pg.Pool;
  readonly #installationKey: Uint8Array;
  readonly #leads: () => boolean;

  readonly #keys = new Lru<KnownKey>(50_000);

  /**
   * Keys are remembered only while `leads`: whoever leads is the one that erases, and the others must not show what
   * is gone.
   * @throws InputError PLB-1170 for a key of another length
   */
  constructor(pool: pg.Pool, installationKey: Uint8Array, leads: () => boolean) {
    this.#pool = pool;
    this.#installationKey = installationKey;
    this.#leads = leads;

    if (installationKey.length !== KEY_BYTES)
      throw new InputError(
        'PLB-1170',
        `the key of personal data has ${installationKey.length} bytes instead of ${KEY_BYTES}: make one with "openssl rand ${KEY_BYTES}"`,
      );
  }

  /** The request with personal data sealed; makes keys for persons that have none. @throws UpstreamError PLB-6001 */
  async seal(request: AppendRequest): Promise<AppendRequest> {
    const subjects = new Map(
      [...personsOf(request)].map((knownAs) => [knownAs, subjectOf(this.#installationKey, knownAs)]),
    );
    if (subjects.size === 0) return request;
    const keys = await this.#keysOf([...subjects.values()], { make: true });
    return sealRequest(request, (knownAs, value) => {
      const subject = subjects.get(knownAs) ?? '';
      const key = keys.get(subject);
      // Erased, and here again: nothing of this person is stored until somebody allows it.
      return key === undefined ? '(erased)' : sealPersonal(key, subject, value);
    });
  }

  /** The events with personal data opened. @throws UpstreamError PLB-6001 */
  async reveal<Body extends StoredBody>(bodies: readonly Body[]): Promise<readonly Body[]> {
    const subjects = new Set(bodies.flatMap(({ body }) => (hasSealed(body) ? subjectsIn(body) : [])));
    if (subjects.size === 0) return bodies;
    const keys = await this.#keysOf([...subjects], { make: false });
    return bodies.map((stored) =>
      hasSealed(stored.body) ? { ...stored, body: reveal(stored.body, (subject) => keys.get(subject)) } : stored,
    );
  }

  /** How the log names a person that is known by an actor id or an e-mail address. */
  subjectOf(knownAs: string): string {
    return subjectOf(this.#installationKey, knownAs);
  }

  /**
   * Whether the person was erased, and when; undefined when nothing of such a person was ever sealed. @throws
   * UpstreamError PLB-6001
   */
  async person(subject: string): Promise<KnownPerson | undefined> {
    const {
      rows: [row],
    } = await this.#asked<{ erased_at: string | null }>({
      text: `select ${ERASED_AT} as erased_at from ledger.subject_key where subject = $1`,
      values: [subject],
    });
    if (row === undefined) return undefined;
    return row.erased_at === null ? {} : { erasedAt: row.erased_at };
  }

  /**
   * Drops the key of a person, and tells when that was first done. What was sealed under it can never be opened
   * again, in this database
   * and in every copy of the events. Backups of the key table must expire for that. @throws UpstreamError PLB-6001
   */
  async erase(subject: string): Promise<string> {
    const {
      rows: [row],
    } = await this.#asked<{ erased_at: string }>({
      text: `update ledger.subject_key set wrapped_key = null, erased_at = coalesce(erased_at, clock_timestamp()) where subject = $1 returning ${ERASED_AT} as erased_at`,
      values: [subject],
    });
    this.#keys.set(subject, { key: undefined, untilMs: performance.now() + KEY_AGE_MS });
    if (row === undefined) throw new InvariantError('PLB-9123', `the log knows no person ${subject}`);
    return row.erased_at;
  }

  async #asked<Row extends pg.QueryResultRow>(query: pg.QueryConfig): Promise<pg.QueryResult<Row>> {
    try {
      return await this.#pool.query<Row>(query);
    } catch (error) {
      throw new UpstreamError('PLB-6001', `the keys of personal data cannot be read or dropped: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  /** Forgets keys: another process led meanwhile, and may have dropped some. */
  forget(): void {
    this.#keys.clear();
  }

  async #keysOf(subjects: readonly string[], how: { readonly make: boolean }): Promise<ReadonlyMap<string, Buffer>> {
    const nowMs = performance.now();
    const found = new Map<string, Buffer>();
    const wanted: string[] = [];
    for (const subject of subjects) {
      const known = this.#keys.get(subject);
      if (known === undefined || known.untilMs < nowMs || !this.#leads()) wanted.push(subject);
      else if (known.key !== undefined) found.set(subject, known.key);
    }
    if (wanted.length === 0) return found;
    for (const [subject, key] of await this.#load(wanted, how)) {
      this.#keys.set(subject, { key, untilMs: nowMs + KEY_AGE_MS });
      if (key !== undefined) found.set(subject, key);
    }
    return found;
  }

  async #load(
    subjects: readonly string[],
    how: { readonly make: boolean },
  ): Promise<ReadonlyMap<string, Buffer | undefined>> {
    try {
      if (how.make) {
        // Durable before it is used: sealed under a key that was lost, an event would be erased at once.
        await this.#pool.query({
          name: 'subject-make',
          text: 'insert into ledger.subject_key (subject, wrapped_key) select * from unnest($1::text[], $2::bytea[]) on conflict do nothing',
          values: [subjects, subjects.map((subject) => this.#wrap(subject, randomBytes(KEY_BYTES)))],
        });
      }
      const { rows } = await this.#pool.query<{ subject: string; wrapped_key: Buffer | null }>({
        name: 'subject-keys',
        text: 'select subject, wrapped_key from ledger.subject_key where subject = any($1)',
        values: [subjects],
      });
      return new Map(
        rows.map((row) => [
          row.subject,
          row.wrapped_key === null ? undefined : this.#unwrap(row.subject, row.wrapped_key),
        ]),
      );
    } catch (error) {
      throw new UpstreamError('PLB-6001', `the keys of personal data cannot be read: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  #wrap(subject: string, key: Buffer): Buffer {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#installationKey, nonce).setAAD(Buffer.from(subject));
    return Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()]);
  }

  #unwrap(subject: string, wrapped: Buffer): Buffer {
    const decipher = createDecipheriv('aes-256-gcm', this.#installationKey, wrapped.subarray(0, NONCE_BYTES)).setAAD(
      Buffer.from(subject),
    );
    decipher.setAuthTag(wrapped.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(wrapped.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
  }
}
