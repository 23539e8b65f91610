// SPDX-License-Identifier: Apache-2.0
import { Controller, Inject } from '@nestjs/common';
import { getCheckpoint, getConsistencyProof, getInclusionProof, getLog } from '@plumbline/api-contract';
import type { InputOf } from '../operations/operation.js';
import { Input, Serve } from '../operations/serve.js';
import { LogService } from './log.service.js';

const base64 = (hash: Buffer): string => hash.toString('base64');

/** Checkpoints and proofs of the log over REST. */
@Controller()
export class LogController {
  readonly #log: LogService;

  constructor(@Inject(LogService) log: LogService) {
    this.#log = log;
  }

  @Serve(getLog)
  async identity() {
    return this.#log.identity();
  }

  @Serve(getCheckpoint)
  async checkpoint(@Input() { query }: InputOf<typeof getCheckpoint>) {
    const { minSize, witnessed } = query;
    const { origin, size, root, note } = await this.#log.checkpoint({
      witnessed,
      ...(minSize === undefined ? {} : { minSize }),
    });
    return { origin, size, root: base64(root), note };
  }

  @Serve(getInclusionProof)
  async inclusion(@Input() { query }: InputOf<typeof getInclusionProof>) {
    const { position, size, leaf, proof, checkpoint } = await this.#log.inclusion(query.position, query.size);
    return {
      position,
      size,
      leaf: base64(leaf),
      hashes: proof.map(base64),
      ...(checkpoint === undefined ? {} : { checkpoint }),
    };
  }

  @Serve(getConsistencyProof)
  async consistency(@Input() { query }: InputOf<typeof getConsistencyProof>) {
    const { from, to, proof, checkpoint } = await this.#log.consistency(query.from, query.to);
    return { from, to, hashes: proof.map(base64), ...(checkpoint === undefined ? {} : { checkpoint }) };
  }
}
