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

/** What a witness knows of a log. */
export interface Seen {
  readonly size: number;
  /** Base64. */
  readonly root: string;
}

/** Where a witness keeps what it has cosigned. */
export interface WitnessState {
  get(origin: string): Seen | undefined;
  /** MUST be durable when it resolves. */
  put(origin: string, seen: Seen): Promise<void>;
}

/** What a witness answers (C2SP tlog-witness). */
export interface WitnessAnswer {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422;
  readonly type: string;
  readonly body: string;
}

/** What a witness is made from. */
export interface WitnessOptions {
  readonly signer: NoteSigner;
  /** The logs that it watches; several keys of one log while it changes its key. */
  readonly logs: readonly VerifierKey[];
  readonly state: WitnessState;
  readonly nowMs: () => number;
}

const TEXT = 'text/plain; charset=utf-8';
const answer = (status: WitnessAnswer['status'], body: string): WitnessAnswer => ({ status, type: TEXT, body });
const otherSize = (size: number): WitnessAnswer => ({ status: 409, type: TLOG_SIZE_TYPE, body: `${size}\n` });

/** Cosigns a checkpoint after a proof that the log only grew since the one before. It believes nothing but signatures and proofs. */
export class Witness {
  readonly #options: WitnessOptions;

  /** One request at a time for each log: between the look at what was cosigned and the note of what is, nothing else may come. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(options: WitnessOptions) {
    this.#options = options;
  }

  /** Answers a request of `add-checkpoint`. */
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
    // Two trees of one size are no growth, and no proof could say so.
    if (size === known && seen !== undefined && !fromRoot.equals(root)) return otherSize(known);
    if (!verifyConsistency({ from: oldSize, to: size, fromRoot, toRoot: root, proof }))
      return answer(422, 'the proof does not show that the log only grew\n');
    const line = await cosign(note.text, signer, Math.floor(nowMs() / 1_000));
    // Noted first: a cosignature that goes out is one that is remembered.
    if (size !== known || seen === undefined) await state.put(origin, { size, root: root.toString('base64') });
    return answer(200, line);
  }

  async #inTurn(origin: string, work: () => Promise<WitnessAnswer>): Promise<WitnessAnswer> {
    const mine = (this.#turns.get(origin) ?? Promise.resolve()).then(work, work);
    this.#turns.set(origin, mine);
    return mine;
  }
}

/** The checkpoint if one of the keys signed it. */
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
