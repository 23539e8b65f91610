// SPDX-License-Identifier: Apache-2.0
// Arrays in PostgreSQL's binary form (array_recv, src/backend/utils/adt/arrayfuncs.c): the text form must be escaped
// here and parsed there,
// which for the append cost more than the rows themselves.

const OID = { int4: 23, int8: 20, text: 25, uuid: 2950 } as const;
/** Number of dimensions, flags, type of the elements, size, lower bound. */
const HEADER_BYTES = 20;
const LENGTH_BYTES = 4;
const UINT32 = 2 ** 32;

function begin(bytes: number, type: keyof typeof OID, size: number): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + bytes);
  buffer.writeInt32BE(1, 0);
  buffer.writeInt32BE(0, 4);
  buffer.writeInt32BE(OID[type], 8);
  buffer.writeInt32BE(size, 12);
  buffer.writeInt32BE(1, 16);
  return buffer;
}

function fixed(
  type: keyof typeof OID,
  width: number,
  size: number,
  write: (buffer: Buffer, index: number, at: number) => void,
): Buffer {
  const buffer = begin(size * (LENGTH_BYTES + width), type, size);
  for (let index = 0, at = HEADER_BYTES; index < size; index += 1, at += LENGTH_BYTES + width) {
    buffer.writeInt32BE(width, at);
    write(buffer, index, at + LENGTH_BYTES);
  }
  return buffer;
}

/** `integer[]` */
export function int4Array(values: readonly number[]): Buffer {
  return fixed('int4', 4, values.length, (buffer, index, at) => buffer.writeInt32BE(values[index] ?? 0, at));
}

/** `bigint[]` of safe integers. */
export function int8Array(values: readonly number[]): Buffer {
  return fixed('int8', 8, values.length, (buffer, index, at) => {
    const value = values[index] ?? 0;
    buffer.writeInt32BE(Math.floor(value / UINT32), at);
    // Two's complement: what is left of a negative number above the floor is what its lower half holds.
    buffer.writeUInt32BE(value - Math.floor(value / UINT32) * UINT32, at + 4);
  });
}

/** `uuid[]` */
export function uuidArray(values: readonly string[]): Buffer {
  return fixed('uuid', 16, values.length, (buffer, index, at) =>
    buffer.write((values[index] ?? '').replaceAll('-', ''), at, 'hex'),
  );
}

/** `text[]`; the strings must be well-formed. */
export function textArray(values: readonly string[]): Buffer {
  const lengths = values.map((value) => Buffer.byteLength(value));
  const buffer = begin(
    lengths.reduce((sum, length) => sum + LENGTH_BYTES + length, 0),
    'text',
    values.length,
  );
  let at = HEADER_BYTES;
  for (const [index, value] of values.entries()) {
    at = buffer.writeInt32BE(lengths[index] ?? 0, at);
    at += buffer.write(value, at, 'utf8');
  }
  return buffer;
}
