// SPDX-License-Identifier: Apache-2.0

const MASK = '•••';
const MIN_LENGTH = 4;
const HARMLESS_KEY = /^\s*-?\s*["']?(?:apiVersion|kind|name|namespace|type|path|target|resources|metadata)["']?\s*[:=]/;
const MENTIONS_SECRET = /Secret|secret/;

function* valuesIn(text: string): Generator<string> {
  for (const line of text.split('\n')) {
    if (HARMLESS_KEY.test(line)) continue;
    const separator = /[:=]/.exec(line);
    const value = (separator === null ? line : line.slice(separator.index + 1)).replace(/^\s*-\s*/, '').trim();
    const bare = value.replace(/^(["'])(.*)\1,?$/, '$2');
    for (const candidate of [value, bare, ...bare.split(/\s+/)]) {
      if (candidate.length < MIN_LENGTH) continue;
      yield candidate;
      if (/^[A-Za-z0-9+/=]+$/.test(candidate)) {
        const decoded = Buffer.from(candidate, 'base64').toString('utf8');
        if (decoded.length >= MIN_LENGTH && !decoded.includes('\uFFFD')) yield decoded;
      }
    }
  }
}

/**
 * Hides in an error text of a foreign program what may be a value of a Secret. Which of the files are meant is not
 * known then
 * (a broken Secret is no Secret to any parser), so when any file speaks of Secrets, all values of all files are hidden.
 */
export class SecretMask {
  readonly #values: readonly string[];

  constructor(files: readonly string[]) {
    const values = files.some((text) => MENTIONS_SECRET.test(text)) ? files.flatMap((text) => [...valuesIn(text)]) : [];
    // Longest first, so that no part of a long value is left over.
    this.#values = [...new Set(values)].sort((left, right) => right.length - left.length);
  }

  apply(text: string): string {
    let masked = text;
    for (const value of this.#values)
      masked = masked.replaceAll(value, MASK).replaceAll(JSON.stringify(value).slice(1, -1), MASK);
    return masked;
  }
}
