// SPDX-License-Identifier: Apache-2.0
import { type Clock, systemClock } from '@plumbline/core';
import { GitBranchWriter } from '@plumbline/git';
import type { Logger } from '@plumbline/platform';
import type { DataSource } from 'typeorm';
import { poolOf } from '../database/data-source.js';
import { Anchoring } from './anchoring.js';
import { CheckpointSigner, type SignedLog } from './checkpoint-signer.js';
import { type ArchivedBodies, TileStore } from './tile-store.js';
import { CheckpointStore } from './checkpoint-store.js';
import { PostgresLogTree } from './postgres-log-tree.js';
import type { TreeConfig } from './tree.config.js';
import { WitnessClient } from './witness-client.js';
import { Witnessing } from './witnessing.js';

/** What {@link Transparency} needs. */
export interface TransparencyOptions {
  readonly log: SignedLog & { readonly readBodies: ArchivedBodies };
  readonly source: DataSource;
  readonly logger: Logger;
  readonly config: TreeConfig;
  readonly clock?: Clock | undefined;
}

/** State of the tree, for metrics. */
export interface TreeStatus {
  /** Events below the newest checkpoint that this process published. */
  readonly signedSize: number | undefined;
  /** 1 when signing is refused, since the log is not what was signed before. */
  readonly refused: boolean;
  readonly witnesses: readonly { readonly name: string; readonly ageSeconds: number | undefined }[];
  readonly anchoredSize: number | undefined;
}

/** The transparency log: tiles, signed checkpoints, cosigners, anchor. */
export class Transparency {
  readonly tree: PostgresLogTree;
  readonly #signer: CheckpointSigner | undefined;
  readonly #witnesses: readonly Witnessing[];
  readonly #anchoring: Anchoring | undefined;
  #signedSize: number | undefined;
  #started = false;

  constructor(options: TransparencyOptions) {
    const { source, logger, config, log, clock = systemClock } = options;
    const tiles = new TileStore(poolOf(source), (page) => log.readBodies(page));
    const checkpoints = new CheckpointStore(source);
    const { signer } = config;
    const leads = (): boolean => log.epoch !== undefined;
    this.#signer =
      signer === undefined
        ? undefined
        : new CheckpointSigner({
            log,
            tiles,
            checkpoints,
            signer,
            logger,
            formerKeys: config.formerKeys,
            onPublished: (size) => this.#published(size),
          });
    this.tree = new PostgresLogTree({
      tiles,
      checkpoints,
      identity: {
        origin: config.origin,
        witnessKeys: config.witnesses.map(({ key }) => key.text),
        ...(signer === undefined ? {} : { verifierKey: signer.key.text }),
      },
      want: (size) => this.#signer?.want(size),
    });
    this.#witnesses =
      signer === undefined
        ? []
        : config.witnesses.map(
            (witness) =>
              new Witnessing({
                witness: new WitnessClient(witness),
                checkpoints,
                leads,
                clock,
                logger,
                everyMs: config.witnessEveryMs,
                alarmMs: config.witnessAlarmMs,
                consistency: (from, to) => this.tree.consistency(from, to),
              }),
          );
    this.#anchoring =
      signer === undefined || config.anchor === undefined
        ? undefined
        : new Anchoring({
            writer: new GitBranchWriter(config.anchor.writer),
            key: signer.key,
            checkpoints,
            tiles: (tile) => tiles.tile(tile),
            leads,
            logger,
            everyMs: config.anchor.everyMs,
          });
    if (signer === undefined)
      logger.warn(
        'the log is not signed: set PLUMBLINE_LOG_SIGNING_KEY_FILE, so that others can tell that it is not rewritten',
      );
  }

  get status(): TreeStatus {
    return {
      signedSize: this.#signedSize,
      refused: this.#signer?.refused === true,
      anchoredSize: this.#anchoring?.size,
      witnesses: this.#witnesses.map(({ name, ageSeconds }) => ({ name, ageSeconds })),
    };
  }

  /** Begins to sign, to ask witnesses and to anchor, while this process leads. */
  start(): void {
    this.#started = true;
    this.#signer?.start();
    for (const witness of this.#witnesses) witness.start();
    this.#anchoring?.start();
  }

  async stop(): Promise<void> {
    if (!this.#started) return;
    await Promise.all([
      this.#signer?.stop(),
      this.#anchoring?.stop(),
      ...this.#witnesses.map((witness) => witness.stop()),
    ]);
  }

  #published(size: number): void {
    this.#signedSize = size;
    for (const witness of this.#witnesses) witness.stir();
    this.#anchoring?.stir();
  }
}
