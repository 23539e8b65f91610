// SPDX-License-Identifier: Apache-2.0
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { InvariantError, messageOf, UpstreamError } from '@plumbline/core';

const compress = promisify(gzip);
const expand = promisify(gunzip);
const POSITION_DIGITS = 14;

/** A file of events that follow one another. */
export interface ArchiveChunk {
  readonly first: number;
  readonly count: number;
}

/**
 * Events in files: `entries/<first position>.gz`, each the stored bytes of events in order, every one after its
 * length in two bytes
 * (as in the entry bundles of C2SP tlog-tiles), compressed with gzip. Readable without this program.
 */
export class ArchiveFiles {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Writes a chunk; on disk when it resolves, and never there by half. @throws UpstreamError PLB-6040 */
  async write(first: number, bodies: readonly Buffer[]): Promise<void> {
    const parts: Buffer[] = [];
    for (const body of bodies) {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(body.length);
      parts.push(length, body);
    }
    const file = this.#fileOf(first);
    try {
      await mkdir(path.dirname(file), { recursive: true });
      const handle = await open(`${file}.part`, 'w', 0o600);
      try {
        await handle.writeFile(await compress(Buffer.concat(parts)));
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(`${file}.part`, file);
      const directory = await open(path.dirname(file), 'r');
      try {
        await directory.sync();
      } finally {
        await directory.close();
      }
    } catch (error) {
      throw new UpstreamError('PLB-6040', `events from ${first} on cannot be written to ${file}: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  /**
   * The stored bytes of a chunk's events. @throws UpstreamError PLB-6040 when the file cannot be read, InvariantError
   * PLB-9122 when it is not what was written
   */
  async read({ first, count }: ArchiveChunk): Promise<readonly Buffer[]> {
    const file = this.#fileOf(first);
    let bytes: Buffer;
    try {
      bytes = await expand(await readFile(file));
    } catch (error) {
      throw new UpstreamError(
        'PLB-6040',
        `archived events from ${first} on cannot be read from ${file}: ${messageOf(error)}`,
        { cause: error },
      );
    }
    const bodies: Buffer[] = [];
    for (let at = 0; at + 2 <= bytes.length;) {
      const end = at + 2 + bytes.readUInt16BE(at);
      bodies.push(bytes.subarray(at + 2, end));
      at = end;
    }
    if (bodies.length !== count)
      throw new InvariantError(
        'PLB-9122',
        `${file} holds ${bodies.length} events instead of ${count}: restore it from a copy`,
      );
    return bodies;
  }

  #fileOf(first: number): string {
    return path.join(this.#directory, 'entries', `${String(first).padStart(POSITION_DIGITS, '0')}.gz`);
  }
}
