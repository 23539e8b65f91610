// SPDX-License-Identifier: Apache-2.0

/** Value of a scalar in kubectl. `unsafe` is an integer that a double cannot represent; `refused` has no JSON form. */
export type ResolvedScalar =
  | { readonly type: 'value'; readonly value: string | number | boolean | null }
  | { readonly type: 'unsafe' }
  | { readonly type: 'refused' };

// kubectl reads YAML with sigs.k8s.io/yaml over go-yaml v2, a dialect of YAML 1.1 of its own: y/n and 0644 as in 1.1,
// no base 60, dates stay text. The table below is checked against the kubectl binary (testdata/dialect).
const WORDS: ReadonlyMap<string, boolean | null> = new Map<string, boolean | null>([
  ...['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'].map((word) => [word, true] as const),
  ...['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'].map((word) => [word, false] as const),
  ...['', '~', 'null', 'Null', 'NULL'].map((word) => [word, null] as const),
]);
const NOT_FINITE = /^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;
const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const DOT_FLOAT = /^\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?$/;
const INTEGER = /^([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))$/;
const UINT64_MAX = 2n ** 64n - 1n;
const INT64_MIN = -(2n ** 63n);

const text = (value: string): ResolvedScalar => ({ type: 'value', value });

function fromInteger(source: string): ResolvedScalar | undefined {
  const match = INTEGER.exec(source);
  if (match === null) return undefined;
  const [, sign, hex, binary, octal, decimal] = match;
  const magnitude =
    hex !== undefined
      ? BigInt(`0x${hex}`)
      : binary !== undefined
        ? BigInt(`0b${binary}`)
        : octal !== undefined
          ? BigInt(`0o${octal}`)
          : BigInt(decimal ?? '0');
  const value = sign === '-' ? -magnitude : magnitude;
  if (value > UINT64_MAX || value < INT64_MIN) return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) ? { type: 'value', value: number === 0 ? 0 : number } : { type: 'unsafe' };
}

/** Resolves a plain (unquoted) scalar as kubectl does. */
export function resolvePlain(source: string): ResolvedScalar {
  const word = WORDS.get(source);
  if (word !== undefined) return { type: 'value', value: word };
  if (NOT_FINITE.test(source)) return { type: 'refused' };
  const first = source.charCodeAt(0);
  const isDot = first === 0x2e;
  if (!isDot && first !== 0x2b && first !== 0x2d && (first < 0x30 || first > 0x39)) return text(source);
  // After a leading dot, underscores count between digits only.
  const plain = isDot && !DOT_FLOAT.test(source) ? source : source.replaceAll('_', '');
  const integer = isDot ? undefined : fromInteger(plain);
  if (integer !== undefined) return integer;
  if (!FLOAT.test(plain)) return text(source);
  const number = Number(plain);
  return Number.isFinite(number) ? { type: 'value', value: number === 0 ? 0 : number } : text(source);
}

/** Resolves a scalar that carries a tag such as `!!int`; tags that YAML does not define leave text. */
export function resolveTagged(tag: string, source: string): ResolvedScalar {
  switch (tag) {
    case 'tag:yaml.org,2002:int':
    case 'tag:yaml.org,2002:float':
    case 'tag:yaml.org,2002:bool':
    case 'tag:yaml.org,2002:null':
      return resolvePlain(source);
    case 'tag:yaml.org,2002:binary':
      return text(Buffer.from(source, 'base64').toString('utf8'));
    default:
      return text(source);
  }
}
