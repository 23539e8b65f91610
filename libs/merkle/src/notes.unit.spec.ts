// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cosign,
  EMPTY_ROOT,
  formatAddCheckpoint,
  formatCheckpoint,
  generateSigningKeyPem,
  isOrigin,
  leafHash,
  openCheckpoint,
  parseAddCheckpoint,
  parseCheckpoint,
  parseNote,
  parseVerifierKey,
  pemSigner,
  signNote,
  verifyNote,
} from './index.js';

/** Key and note of the documentation of golang.org/x/mod/sumdb/note. */
const goKey = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const goNote =
  "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n" +
  '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';

const origin = 'plumbline.test/one';
const signer = pemSigner(generateSigningKeyPem(), origin);
const witness = pemSigner(generateSigningKeyPem(), 'witness.test', 'cosignature');
const code = (expected: string): unknown => expect.objectContaining({ code: expected });
const checkpoint = { origin, size: 12, root: leafHash('root') };

describe('signed notes', () => {
  it('of Go are verified', () => {
    expect(verifyNote(parseNote(goNote), [parseVerifierKey(goKey)])).toHaveLength(1);
    expect(parseVerifierKey(goKey).text).toBe(goKey);
  });

  it('are refused when any character of the text was changed', () => {
    const note = parseNote(goNote);
    fc.assert(
      fc.property(fc.nat({ max: note.text.length - 2 }), (place) => {
        const text = `${note.text.slice(0, place)}${note.text[place] === 'x' ? 'y' : 'x'}${note.text.slice(place + 1)}`;
        expect(() => verifyNote({ ...note, text }, [parseVerifierKey(goKey)])).toThrow(code('PLB-1165'));
      }),
    );
  });

  it('carry the id of the key as C2SP defines it', () => {
    const raw = Buffer.from(signer.key.text.split('+').slice(2).join('+'), 'base64');
    const expected = createHash('sha256').update(`${origin}\n`).update(raw).digest('hex').slice(0, 8);
    expect(raw[0]).toBe(1);
    expect(signer.key.id.toString('hex')).toBe(expected);
  });

  it('may have signatures by others, which say nothing', async () => {
    const other = pemSigner(generateSigningKeyPem(), 'other.test');
    const text = formatCheckpoint(checkpoint);
    const [, line = ''] = (await signNote(text, other)).split('\n\n');
    const message = (await signNote(text, signer)) + line;
    expect(verifyNote(parseNote(message), [signer.key]).map(({ key }) => key.name)).toEqual([origin]);
    expect(() => verifyNote(parseNote(message), [witness.key])).toThrow(code('PLB-1165'));
  });

  it('with the name of a key but by another key are not signed by it', async () => {
    const forger = pemSigner(generateSigningKeyPem(), origin);
    expect(() => openCheckpoint('', signer.key)).toThrow(code('PLB-1164'));
    const forged = await signNote(formatCheckpoint(checkpoint), forger);
    expect(() => openCheckpoint(forged, signer.key)).toThrow(code('PLB-1165'));
  });

  it.each([
    '',
    'text',
    'text\n',
    'text\n\n',
    'text\n\n— name\n',
    'text\n\n— name AAAA\n',
    'text\n\n— na+me AAAAAAAAAA==\n',
    'te\txt\n\n— name AAAAAAAAAA==\n',
    'text\n\n- name AAAAAAAAAA==\n',
  ])('are not %j', (message) => {
    expect(() => parseNote(message)).toThrow(code('PLB-1164'));
  });

  it('need a text that ends with a line feed', async () => {
    await expect(signNote('no end', signer)).rejects.toMatchObject({ code: 'PLB-1164' });
  });
});

describe('verifier keys', () => {
  it.each([
    ['a name too few', goKey.slice(12)],
    ['another id', goKey.replace('c74f20a3', 'c74f20a4')],
    ['another name', goKey.replace('Peter', 'Paula')],
    ['another algorithm', 'x+00000000+AhpcAQcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'],
    ['a short key', 'x+00000000+ARpc'],
    ['nothing', ''],
  ])('with %s are refused', (_what, text) => {
    expect(() => parseVerifierKey(text)).toThrow(code('PLB-1163'));
  });

  it('are Ed25519 only', () => {
    expect(() => pemSigner('not a key', origin)).toThrow(code('PLB-1163'));
    expect(() => pemSigner(generateSigningKeyPem(), 'a name')).toThrow(code('PLB-1163'));
  });
});

describe('checkpoints', () => {
  it('are read back as they were written', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        async (size, root) => {
          const text = formatCheckpoint({ origin, size, root: Buffer.from(root) });
          const opened = openCheckpoint(await signNote(text, signer), signer.key);
          expect(opened).toMatchObject({ origin, size });
          expect([...opened.root]).toEqual([...root]);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('of another log are refused, also when the key signed them', async () => {
    const message = await signNote(formatCheckpoint({ ...checkpoint, origin: 'plumbline.test/two' }), signer);
    expect(() => openCheckpoint(message, signer.key)).toThrow(code('PLB-1166'));
  });

  it.each([
    'a\n1\n',
    'a\n01\n' + `${EMPTY_ROOT.toString('base64')}\n`,
    'a\n-1\n' + `${EMPTY_ROOT.toString('base64')}\n`,
    'a\n1\nAAAA\n',
    `a\n1\n${EMPTY_ROOT.toString('base64')}`,
    `\n1\n${EMPTY_ROOT.toString('base64')}\n`,
    `a\n9007199254740993\n${EMPTY_ROOT.toString('base64')}\n`,
  ])('are not %j', (text) => {
    expect(() => parseCheckpoint(text)).toThrow(code('PLB-1166'));
  });

  it('may have extension lines of other logs', () => {
    expect(parseCheckpoint(`a\n1\n${EMPTY_ROOT.toString('base64')}\nextra\n`)).toMatchObject({ size: 1 });
  });

  it.each([
    ['plumbline.local/0a1b', true],
    ['host:8080/a/b', true],
    ['https://host/a', false],
    ['a b', false],
    ['a+b', false],
    ['host//a', false],
    ['/a', false],
    ['', false],
  ])('%j names a log: %s', (text, expected) => {
    expect(isOrigin(text)).toBe(expected);
  });
});

describe('cosignatures', () => {
  it('are verified with their time, beside the signature of the log', async () => {
    const message =
      (await signNote(formatCheckpoint(checkpoint), signer)) +
      (await cosign(formatCheckpoint(checkpoint), witness, 1_700_000_000));
    const { signatures } = openCheckpoint(message, signer.key, [witness.key]);
    expect(signatures).toMatchObject([
      { key: { name: origin } },
      { key: { name: 'witness.test' }, timeSeconds: 1_700_000_000 },
    ]);
  });

  it('of another text or another time are refused', async () => {
    const text = formatCheckpoint(checkpoint);
    const line = await cosign(formatCheckpoint({ ...checkpoint, size: 13 }), witness, 1_700_000_000);
    const signed = await signNote(text, signer);
    expect(() => openCheckpoint(signed + line, signer.key, [witness.key])).toThrow(code('PLB-1165'));
    const bytes = Buffer.from((await cosign(text, witness, 1_700_000_000)).split(' ')[2] ?? '', 'base64');
    bytes[11] = (bytes[11] ?? 0) ^ 1;
    expect(() =>
      openCheckpoint(`${signed}— witness.test ${bytes.toString('base64')}\n`, signer.key, [witness.key]),
    ).toThrow(code('PLB-1165'));
  });

  it('are not made or read with a key for notes', async () => {
    await expect(cosign(formatCheckpoint(checkpoint), signer, 1)).rejects.toMatchObject({ code: 'PLB-1163' });
    expect(parseVerifierKey(witness.key.text)).toMatchObject({ name: 'witness.test', use: 'cosignature' });
  });
});

describe('add-checkpoint requests', () => {
  it('are read back as they were written', async () => {
    const note = await signNote(formatCheckpoint(checkpoint), signer);
    for (const request of [
      { oldSize: 0, proof: [], note },
      { oldSize: 5, proof: [leafHash('a'), leafHash('b')], note },
    ]) {
      expect(parseAddCheckpoint(formatAddCheckpoint(request))).toEqual(request);
    }
  });

  it.each(['', 'old 1', 'old -1\n\nnote', 'old 01\n\nnote', 'old 1\nAAAA\n\nnote', `new 1\n\nnote`])(
    'are not %j',
    (body) => {
      expect(() => parseAddCheckpoint(body)).toThrow(code('PLB-1167'));
    },
  );
});
