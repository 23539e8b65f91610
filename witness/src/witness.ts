// SPDX-License-Identifier: Apache-2.0
import { messageOf } from '@plumbline/core';
import {
  type AddCheckpoint,
  type Checkpoint,
  cosign,
  EMPTY_ROOT,
  type NoteSigner,
  openCheckpoint,
  parseAddCheckpoint,
  parseCheckpoint,
  parseNote,
  type SignedCheckpoint,
  TLOG_SIZE_TYPE,
  type VerifierKey,
  verifyConsistency,
} from '@plumbline/merkle';

/** State of a witness for one log. */
export interface Seen {
  readonly size: number;
  /** Base64. */
  readonly root: string;
}

/** Storage of the cosigned checkpoints. */
export interface WitnessState {
  get(origin: string): Seen | undefined;
  /** MUST be durable when it resolves. */
  put(origin: string, seen: Seen): Promise<void>;
}

/** Response of a witness (C2SP tlog-witness). */
export interface WitnessAnswer {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422;
  readonly type: string;
  readonly body: string;
}

/** Options of a {@link Witness}. */
export interface WitnessOptions {
  readonly signer: NoteSigner;
  /** Verifier keys of the logs; several keys of one log while its key is rotated. */
  readonly logs: readonly VerifierKey[];
  readonly state: WitnessState;
  readonly nowMs: () => number;
}

const TEXT = 'text/plain; charset=utf-8';
const answer = (status: WitnessAnswer['status'], body: string): WitnessAnswer => ({ status, type: TEXT, body });
const otherSize = (size: number): WitnessAnswer => ({ status: 409, type: TLOG_SIZE_TYPE, body: `${size}\n` });

/**
 * Cosigns a checkpoint after a proof that the log is consistent with the last cosigned one. Trusts only signatures
 * and proofs.
 */
export class Witness {
  readonly #options: WitnessOptions;

  /** Serialises requests per log: reading and writing the state of a log must not interleave. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(options: WitnessOptions) {
    this.#options = options;
  }

  /** Handles a request of `add-checkpoint`. */
  async add(body: string): Promise<WitnessAnswer> {
    let request: AddCheckpoint;
    let named: Checkpoint;
    try {
      request = parseAddCheckpoint(body);
      named = parseCheckpoint(parseNote(request.note).text);
    } catch (error) {
      return answer(400, `${messageOf(error)}\n`);
    }
    const keys = this.#options.logs.filter(({ name }) => name === named.origin);
    if (keys.length === 0) return answer(404, 'this witness does not know the log\n');
    const checkpoint = signedBy(request.note, keys);
    if (checkpoint === undefined) return answer(403, 'the checkpoint is not signed by the log\n');
    return this.#inTurn(named.origin, async () => this.#decide(request, checkpoint));
  }

  async #decide({ oldSize, proof }: AddCheckpoint, checkpoint: SignedCheckpoint): Promise<WitnessAnswer> {
    const { state, signer, nowMs } = this.#options;
    const { origin, size, root, note } = checkpoint;
    const seen = state.get(origin);
    const known = seen?.size ?? 0;
    if (oldSize > size) return answer(400, 'the old size is above that of the checkpoint\n');
    if (oldSize !== known) return otherSize(known);
    const fromRoot = seen === undefined ? EMPTY_ROOT : Buffer.from(seen.root, 'base64');
    // Two different trees of one size are inconsistent; there is no proof for that.
    if (size === known && seen !== undefined && !fromRoot.equals(root)) return otherSize(known);
    if (!verifyConsistency({ from: oldSize, to: size, fromRoot, toRoot: root, proof }))
      return answer(422, 'the proof does not show that the log only grew\n');
    const line = await cosign(note.text, signer, Math.floor(nowMs() / 1_000));
    // Stored first: the state must include every cosignature that was returned.
    if (size !== known || seen === undefined) await state.put(origin, { size, root: root.toString('base64') });
    return answer(200, line);
  }

  async #inTurn(origin: string, work: () => Promise<WitnessAnswer>): Promise<WitnessAnswer> {
    const mine = (this.#turns.get(origin) ?? Promise.resolve()).then(work, work);
    this.#turns.set(origin, mine);
    return mine;
  }
}

/** Returns the checkpoint if one of the keys signed it. */
function signedBy(note: string, keys: readonly VerifierKey[]): SignedCheckpoint | undefined {
  for (const key of keys) {
    try {
      return openCheckpoint(note, key);
    } catch {
      // Another key of this log may have signed it.
    }
  }
  return undefined;
}
