// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { component } from '../component.js';
import { queryFlag } from '../queries.js';
import { operation } from '../operation.js';

const NOTE =
  'log.example.com/prod\n58\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— log.example.com/prod Az3grl…\n';
const HASH = 'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=';

const size = z.coerce.number<string | number>().int().min(0);
const hashField = z.string().describe('SHA-256 in base64.');
const hashes = z.array(hashField).readonly();
const checkpointField = z
  .string()
  .optional()
  .describe('A checkpoint of this size, as a signed note; absent when a size was asked for.');

/** `GET /api/v1/log` */
export const getLog = operation({
  id: 'getLog',
  method: 'GET',
  path: '/api/v1/log',
  tag: 'Log',
  access: 'viewer',
  summary: 'Tell who signs the log, and who witnesses it.',
  response: component(
    'LogIdentity',
    z
      .object({
        origin: z
          .string()
          .describe('First line of every checkpoint. The files of the log (C2SP tlog-tiles) are at `/log/<origin>/`.'),
        verifierKey: z
          .string()
          .optional()
          .describe('`name+id+key` of the log (C2SP signed-note); absent while it is not signed.'),
        witnessKeys: z.array(z.string()).readonly().describe('`name+id+key` of the witnesses.'),
      })
      .describe('Who signs the log.'),
  ),
  errors: ['PLB-6001'],
  example: { origin: 'log.example.com/prod', verifierKey: 'log.example.com/prod+033de0ae+Ac4z…', witnessKeys: [] },
});

/** `GET /api/v1/log/checkpoint` */
export const getCheckpoint = operation({
  id: 'getCheckpoint',
  method: 'GET',
  path: '/api/v1/log/checkpoint',
  tag: 'Log',
  access: 'viewer',
  summary: 'Show the newest checkpoint of the log.',
  query: z.strictObject({
    minSize: size
      .optional()
      .describe('One that covers at least so many events, which must be in the log; it is signed now if need be.'),
    witnessed: queryFlag.default(false).describe('The newest that a witness has cosigned.'),
  }),
  response: component(
    'LogCheckpoint',
    z
      .object({
        origin: z.string().describe('Name of the log.'),
        size: z.number().int().describe('Events that it covers.'),
        root: hashField.describe('Root of the tree of these events, in base64.'),
        note: z.string().describe('The signed note (C2SP tlog-checkpoint).'),
      })
      .describe('The log at a size, signed.'),
  ),
  errors: ['PLB-3151', 'PLB-5104', 'PLB-6001', 'PLB-6007'],
  example: { origin: 'log.example.com/prod', size: 58, root: HASH, note: NOTE },
});

/** `GET /api/v1/log/proofs/inclusion` */
export const getInclusionProof = operation({
  id: 'getInclusionProof',
  method: 'GET',
  path: '/api/v1/log/proofs/inclusion',
  tag: 'Log',
  access: 'viewer',
  summary: 'Prove that an event is in the log.',
  query: z.strictObject({
    position: size.describe('Position of the event.'),
    size: size.optional().describe('Size of the tree; that of the newest checkpoint when absent.'),
  }),
  response: component(
    'InclusionProof',
    z
      .object({
        position: z.number().int().describe('Position of the event.'),
        size: z.number().int().describe('Size of the tree.'),
        leaf: hashField.describe('SHA-256(0x00 ‖ stored bytes of the event), in base64.'),
        hashes: hashes.describe('From the leaf to the root (RFC 9162, 2.1.3).'),
        checkpoint: checkpointField,
      })
      .describe('Proof that an event is in a tree.'),
  ),
  errors: ['PLB-1162', 'PLB-3150', 'PLB-3151', 'PLB-3152', 'PLB-5104', 'PLB-6001', 'PLB-6007'],
  example: { position: 12, size: 58, leaf: HASH, hashes: [HASH], checkpoint: NOTE },
});

/** `GET /api/v1/log/proofs/consistency` */
export const getConsistencyProof = operation({
  id: 'getConsistencyProof',
  method: 'GET',
  path: '/api/v1/log/proofs/consistency',
  tag: 'Log',
  access: 'viewer',
  summary: 'Prove that the log only grew between two sizes.',
  query: z.strictObject({
    from: size.describe('Size of the older tree.'),
    to: size.optional().describe('Size of the newer tree; that of the newest checkpoint when absent.'),
  }),
  response: component(
    'ConsistencyProof',
    z
      .object({
        from: z.number().int().describe('Size of the older tree.'),
        to: z.number().int().describe('Size of the newer tree.'),
        hashes: hashes.describe('As RFC 9162, 2.1.4 orders them.'),
        checkpoint: checkpointField,
      })
      .describe('Proof that a tree begins with another.'),
  ),
  errors: ['PLB-1162', 'PLB-3150', 'PLB-3151', 'PLB-3152', 'PLB-5104', 'PLB-6001', 'PLB-6007'],
  example: { from: 12, to: 58, hashes: [HASH], checkpoint: NOTE },
});
