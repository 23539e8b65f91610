// SPDX-License-Identifier: Apache-2.0
import type { Bundle, Tile } from '@plumbline/merkle';
import type { CheckpointQuery, ConsistencyAnswer, InclusionAnswer, LogIdentity, LogTree } from '../log-tree.port.js';
import type { LogChannel } from './log-channel.js';

/** The tree of the log of another process, over its gRPC door. */
export class GrpcLogTree implements LogTree {
  readonly #channel: LogChannel;

  constructor(channel: LogChannel) {
    this.#channel = channel;
  }

  async identity(): Promise<LogIdentity> {
    const { tree } = this.#channel;
    const { origin, verifierKey, witnessKeys } = await this.#channel.unary(tree.identity.bind(tree), {});
    return { origin, witnessKeys, ...(verifierKey === undefined ? {} : { verifierKey }) };
  }

  async checkpoint({ witnessed = false, minSize }: CheckpointQuery = {}): Promise<string> {
    const { tree } = this.#channel;
    return (await this.#channel.unary(tree.checkpoint.bind(tree), { witnessed, minSize })).note;
  }

  async tile({ level, index, width }: Tile): Promise<Buffer> {
    const { tree } = this.#channel;
    return (await this.#channel.unary(tree.tile.bind(tree), { level, index, width })).hashes;
  }

  async entries({ index, width }: Bundle): Promise<Buffer> {
    const { tree } = this.#channel;
    return (await this.#channel.unary(tree.entries.bind(tree), { index, width })).bundle;
  }

  async inclusion(position: number, size?: number): Promise<InclusionAnswer> {
    const { tree } = this.#channel;
    return this.#channel.unary(tree.inclusion.bind(tree), { position, size });
  }

  async consistency(from: number, to?: number): Promise<ConsistencyAnswer> {
    const { tree } = this.#channel;
    return this.#channel.unary(tree.consistency.bind(tree), { from, to });
  }
}
