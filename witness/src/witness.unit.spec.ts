// SPDX-License-Identifier: Apache-2.0
import {
  cosign,
  EMPTY_ROOT,
  formatAddCheckpoint,
  formatCheckpoint,
  Frontier,
  generateSigningKeyPem,
  leafHash,
  openCheckpoint,
  pemSigner,
  signNote,
  verifyConsistency,
} from '@plumbline/merkle';
import { describe, expect, it } from 'vitest';
import { type Seen, Witness, type WitnessState } from './witness.js';

const log = pemSigner(generateSigningKeyPem(), 'plumbline.test/witnessed');
const signer = pemSigner(generateSigningKeyPem(), 'witness.test', 'cosignature');
const leaves = Array.from({ length: 8 }, (_, index) => leafHash(`entry ${index}`));
const rootAt = (size: number): Buffer => Frontier.empty.append(leaves.slice(0, size)).root();

class MemoryState implements WitnessState {
  readonly logs = new Map<string, Seen>();
  failing = false;

  get(origin: string): Seen | undefined {
    return this.logs.get(origin);
  }

  async put(origin: string, seen: Seen): Promise<void> {
    if (this.failing) throw new Error('the disk is full');
    this.logs.set(origin, seen);
  }
}

function setup(): { readonly witness: Witness; readonly state: MemoryState } {
  const state = new MemoryState();
  return { state, witness: new Witness({ signer, logs: [log.key], state, nowMs: () => 1_700_000_000_000 }) };
}

/** RFC 6962, 2.1.2, for these few leaves. */
function proofOf(from: number, to: number): readonly Buffer[] {
  const root = (start: number, end: number): Buffer => Frontier.empty.append(leaves.slice(start, end)).root();
  const walk = (m: number, start: number, end: number, whole: boolean): readonly Buffer[] => {
    if (m === end) return whole ? [] : [root(start, end)];
    let k = 1;
    while (k * 2 < end - start) k *= 2;
    return m <= start + k
      ? [...walk(m, start, start + k, whole), root(start + k, end)]
      : [...walk(m, start + k, end, false), root(start, start + k)];
  };
  return from === 0 ? [] : walk(from, 0, to, true);
}

const noteOf = (size: number, root = rootAt(size), by = log): Promise<string> =>
  signNote(formatCheckpoint({ origin: log.key.name, size, root }), by);
const request = async (from: number, to: number, proof = proofOf(from, to), note?: string): Promise<string> =>
  formatAddCheckpoint({ oldSize: from, proof, note: note ?? (await noteOf(to)) });

describe('a witness', () => {
  it('cosigns what it can see grow, with the time', async () => {
    const { witness, state } = setup();
    for (const [from, to] of [
      [0, 3],
      [3, 6],
      [6, 6],
      [6, 8],
    ] as const) {
      expect(
        verifyConsistency({
          from,
          to,
          fromRoot: from === 0 ? EMPTY_ROOT : rootAt(from),
          toRoot: rootAt(to),
          proof: proofOf(from, to),
        }),
      ).toBe(true);
      const { status, body } = await witness.add(await request(from, to));
      expect(status, `${from} to ${to}`).toBe(200);
      expect(openCheckpoint((await noteOf(to)) + body, log.key, [signer.key]).signatures).toContainEqual({
        key: expect.objectContaining({ name: 'witness.test' }) as unknown,
        timeSeconds: 1_700_000_000,
      });
      expect(state.get(log.key.name)?.size).toBe(to);
    }
  });

  it('tells the size that it knows to a log that thinks another', async () => {
    const { witness } = setup();
    await witness.add(await request(0, 3));
    expect(await witness.add(await request(0, 5))).toMatchObject({
      status: 409,
      type: 'text/x.tlog.size',
      body: '3\n',
    });
    expect(await witness.add(await request(2, 5))).toMatchObject({ status: 409, body: '3\n' });
  });

  it('does not cosign a log that was rewritten, also not one of the same size', async () => {
    const { witness, state } = setup();
    await witness.add(await request(0, 3));
    const forged = leafHash('another tree');
    expect((await witness.add(await request(3, 6, proofOf(3, 6), await noteOf(6, forged)))).status).toBe(422);
    expect((await witness.add(await request(3, 3, [], await noteOf(3, forged)))).status).toBe(409);
    expect((await witness.add(await request(3, 6, []))).status).toBe(422);
    expect(state.get(log.key.name)).toEqual({ size: 3, root: rootAt(3).toString('base64') });
  });

  it('does not go back', async () => {
    const { witness } = setup();
    await witness.add(await request(0, 6));
    expect((await witness.add(await request(0, 3))).status).toBe(409);
    expect((await witness.add(formatAddCheckpoint({ oldSize: 6, proof: [], note: await noteOf(3) }))).status).toBe(400);
  });

  it('cosigns only logs that it knows, by their key', async () => {
    const { witness } = setup();
    const stranger = pemSigner(generateSigningKeyPem(), 'plumbline.test/stranger');
    const strange = await signNote(formatCheckpoint({ origin: stranger.key.name, size: 3, root: rootAt(3) }), stranger);
    expect((await witness.add(await request(0, 3, [], strange))).status).toBe(404);
    const forger = pemSigner(generateSigningKeyPem(), log.key.name);
    expect((await witness.add(await request(0, 3, [], await noteOf(3, rootAt(3), forger)))).status).toBe(403);
    const cosigned = formatCheckpoint({ origin: log.key.name, size: 3, root: rootAt(3) });
    expect(
      (await witness.add(await request(0, 3, [], `${cosigned}\n${await cosign(cosigned, signer, 1)}`))).status,
    ).toBe(403);
  });

  it.each(['', 'old 0\n\n', 'nonsense', 'old 0\n\nnot a note'])('refuses %j as no request', async (body) => {
    expect((await setup().witness.add(body)).status).toBe(400);
  });

  it('gives no cosignature that it could not note, and takes the next request', async () => {
    const { witness, state } = setup();
    state.failing = true;
    await expect(witness.add(await request(0, 3))).rejects.toThrow('the disk is full');
    state.failing = false;
    expect((await witness.add(await request(0, 3))).status).toBe(200);
  });

  it('lets one of two that come at once with the same old size win', async () => {
    const { witness } = setup();
    await witness.add(await request(0, 2));
    const answers = await Promise.all([witness.add(await request(2, 5)), witness.add(await request(2, 7))]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409]);
  });
});
