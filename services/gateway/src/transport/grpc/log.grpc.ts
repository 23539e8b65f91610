// SPDX-License-Identifier: Apache-2.0
import { Inject, Injectable } from '@nestjs/common';
import { getCheckpoint, getConsistencyProof, getInclusionProof, getLog } from '@plumbline/api-contract';
import { checkInput } from '../../operations/check-input.js';
import { GrpcCalls } from './grpc-calls.js';
import { LogService } from '../../log/log.service.js';
import { LogAdministrationGrpc } from './log-administration.grpc.js';
import type { HandlersOf } from './codec.js';
import type { Log } from './generated/plumbline/v1/log_pb.js';

/** The log over gRPC: its checkpoints and proofs, and what people do to it. */
@Injectable()
export class LogGrpc {
  readonly #calls: GrpcCalls;
  readonly #log: LogService;
  readonly #upkeep: LogAdministrationGrpc;

  constructor(
    @Inject(GrpcCalls) calls: GrpcCalls,
    @Inject(LogService) log: LogService,
    @Inject(LogAdministrationGrpc) upkeep: LogAdministrationGrpc,
  ) {
    this.#calls = calls;
    this.#log = log;
    this.#upkeep = upkeep;
  }

  logServer(): HandlersOf<typeof Log> {
    return {
      ...this.#upkeep.handlers(),
      getLogIdentity: this.#calls.unary(getLog, async () => {
        const { origin, verifierKey = '', witnessKeys } = await this.#log.identity();
        return { origin, verifierKey, witnessKeys: [...witnessKeys] };
      }),
      getCheckpoint: this.#calls.unary(getCheckpoint, async ({ minSize, witnessed }) => {
        const checked = checkInput(getCheckpoint.query.shape.minSize, minSize);
        return this.#log.checkpoint({ witnessed, ...(checked === undefined ? {} : { minSize: checked }) });
      }),
      getInclusionProof: this.#calls.unary(getInclusionProof, async (request) => {
        const given = checkInput(getInclusionProof.query, request);
        const { position, size, leaf, proof, checkpoint = '' } = await this.#log.inclusion(given.position, given.size);
        return { position, size, leaf, hashes: [...proof], checkpoint };
      }),
      getConsistencyProof: this.#calls.unary(getConsistencyProof, async (request) => {
        const given = checkInput(getConsistencyProof.query, request);
        const { from, to, proof, checkpoint = '' } = await this.#log.consistency(given.from, given.to);
        return { from, to, hashes: [...proof], checkpoint };
      }),
    };
  }
}
