// SPDX-License-Identifier: Apache-2.0
import { InvariantError, messageOf, UpstreamError } from '@plumbline/core';
import {
  type AddCheckpoint,
  formatAddCheckpoint,
  parseNote,
  parseSignatureLines,
  signatureLine,
  type VerifierKey,
  verifyNote,
} from '@plumbline/merkle';

/** What a witness answers. */
export type WitnessAnswer =
  | { readonly type: 'cosigned'; readonly line: string }
  /** It has cosigned another size than we thought. */
  | { readonly type: 'otherSize'; readonly size: number };

const TIMEOUT_MS = 10_000;
const MAX_ANSWER = 64 * 1024;

/** A witness over HTTP (C2SP tlog-witness). */
export class WitnessClient {
  readonly #witness: { readonly key: VerifierKey; readonly url: string };
  readonly #options: { readonly timeoutMs?: number };

  constructor(
    witness: { readonly key: VerifierKey; readonly url: string },
    options: { readonly timeoutMs?: number } = {},
  ) {
    this.#witness = witness;
    this.#options = options;
  }

  get name(): string {
    return this.#witness.key.name;
  }

  /**
   * Asks for a cosignature of a checkpoint; it is verified before it is returned.
   * @throws UpstreamError PLB-6041 when the witness is not reachable or answers what it should not;
   * InvariantError PLB-9116 when it says that our log is not the one that it saw before.
   */
  async add(request: AddCheckpoint): Promise<WitnessAnswer> {
    const { status, text } = await this.#post(formatAddCheckpoint(request));
    if (status === 200) return { type: 'cosigned', line: this.#checked(request.note, text) };
    const size = /^(0|[1-9]\d{0,15})\n?$/.exec(text)?.[1];
    // The same size with another root is also a conflict, and no other old size would change that.
    if (status === 409 && size !== undefined && Number(size) !== request.oldSize)
      return { type: 'otherSize', size: Number(size) };
    if (status === 409 || status === 422)
      throw new InvariantError(
        'PLB-9116',
        `the witness ${this.name} has seen another log under our name: this log does not begin with what it cosigned`,
      );
    throw new UpstreamError('PLB-6041', `the witness ${this.name} refused the checkpoint with status ${status}`);
  }

  #checked(note: string, text: string): string {
    const { key } = this.#witness;
    try {
      const lines = parseSignatureLines(text).filter(({ name, id }) => name === key.name && id.equals(key.id));
      verifyNote({ text: parseNote(note).text, signatures: lines }, [key]);
      return lines
        .slice(0, 1)
        .map((line) => signatureLine(line))
        .join('');
    } catch (error) {
      throw new UpstreamError(
        'PLB-6041',
        `the witness ${this.name} answered with no good cosignature: ${messageOf(error)}`,
        { cause: error },
      );
    }
  }

  async #post(body: string): Promise<{ readonly status: number; readonly text: string }> {
    try {
      const response = await fetch(`${this.#witness.url}/add-checkpoint`, {
        method: 'POST',
        body,
        headers: { 'content-type': 'text/plain; charset=utf-8' },
        redirect: 'error',
        signal: AbortSignal.timeout(this.#options.timeoutMs ?? TIMEOUT_MS),
      });
      const text = await response.text();
      return { status: response.status, text: text.slice(0, MAX_ANSWER) };
    } catch (error) {
      throw new UpstreamError('PLB-6041', `the witness ${this.name} is not reachable: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }
}
