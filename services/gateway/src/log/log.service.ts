// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import {
  type CheckpointQuery,
  type ConsistencyAnswer,
  type InclusionAnswer,
  LOG_TREE,
  type LogIdentity,
  type LogTree,
} from '@plumbline/event-log';
import { type Checkpoint, parseCheckpoint, parseNote } from '@plumbline/merkle';

/** A checkpoint with the note that it was read from. */
export interface ShownCheckpoint extends Checkpoint {
  readonly note: string;
}

/** A proof with the checkpoint that it leads to, when no size was asked for. */
export type WithCheckpoint<Answer> = Answer & { readonly checkpoint?: string };

/** The log as a tree, for REST and gRPC alike. The gateway holds no key: it passes on what the audit service signed. */
@Injectable()
export class LogService {
  readonly #tree: LogTree;

  constructor(@Inject(LOG_TREE) tree: LogTree) {
    this.#tree = tree;
  }

  identity(): Promise<LogIdentity> {
    return this.#tree.identity();
  }

  async checkpoint(query: CheckpointQuery): Promise<ShownCheckpoint> {
    const note = await this.#tree.checkpoint(query);
    return { ...parseCheckpoint(parseNote(note).text), note };
  }

  async inclusion(position: number, size: number | undefined): Promise<WithCheckpoint<InclusionAnswer>> {
    if (size !== undefined) return this.#tree.inclusion(position, size);
    const { note, size: signed } = await this.checkpoint({ minSize: position + 1 });
    return { ...(await this.#tree.inclusion(position, signed)), checkpoint: note };
  }

  async consistency(from: number, to: number | undefined): Promise<WithCheckpoint<ConsistencyAnswer>> {
    if (to !== undefined) return this.#tree.consistency(from, to);
    const { note, size } = await this.checkpoint({ minSize: from });
    return { ...(await this.#tree.consistency(from, size)), checkpoint: note };
  }
}
