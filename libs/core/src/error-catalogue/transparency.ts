// SPDX-License-Identifier: Apache-2.0
import { defineError } from '../error-definition.js';

/** Errors of libs/merkle, the transparency part of services/audit, and the witness. */
export const transparencyErrors = [
  defineError('PLB-1160', {
    kind: 'input',
    title: 'the list of log witnesses is not valid',
    meaning: 'Each witness in PLUMBLINE_AUDIT_WITNESSES is its verifier key for cosignatures, a space, and its URL.',
    remedy: 'Correct PLUMBLINE_AUDIT_WITNESSES.',
  }),
  defineError('PLB-1161', {
    kind: 'input',
    title: 'the bytes of a tile or an entry bundle are not valid',
    meaning: 'The file has another size or number of entries than its path says.',
    remedy: 'Fetch the file again. If it stays wrong, it was changed: verify the log with "plumb log verify".',
  }),
  defineError('PLB-1162', {
    kind: 'input',
    title: 'a position or tree size is outside the requested tree',
    meaning: 'Positions must be below the size of the tree, and `from` must not be above `to`.',
    remedy: 'Correct the position or the size.',
  }),
  defineError('PLB-1163', {
    kind: 'input',
    title: 'a signing or verifier key is not valid',
    meaning: 'The key is not an Ed25519 key in the expected form, its id does not match, or it is for another use.',
    remedy: 'Copy the key again, or create one with "plumb keygen".',
  }),
  defineError('PLB-1164', {
    kind: 'input',
    title: 'a signed note is malformed',
    meaning: 'A signed note is a text, an empty line, and at least one signature line.',
    remedy: 'Fetch the note again.',
  }),
  defineError('PLB-1165', {
    kind: 'input',
    title: 'a note has no valid signature by the expected key',
    meaning: 'The signature is missing or does not verify: the note was changed, or it is signed by another key.',
    remedy: 'Check that you use the verifier key of this log.',
  }),
  defineError('PLB-1166', {
    kind: 'input',
    title: 'the text is not a checkpoint of this log',
    meaning: 'A checkpoint has a line each for origin, size and root hash, and the origin is the name of the log.',
    remedy: 'Check the URL of the log and the verifier key.',
  }),
  defineError('PLB-1167', {
    kind: 'input',
    title: 'the add-checkpoint request is malformed',
    meaning: 'The request is "old SIZE", the hashes of a consistency proof, an empty line, and a signed checkpoint.',
    remedy: 'Send a request as C2SP tlog-witness describes.',
  }),
  defineError('PLB-1168', {
    kind: 'input',
    title: 'the log does not match its checkpoint',
    meaning: 'Events were changed, removed or replaced. `details.position` is the first position known to be wrong.',
    remedy: 'Keep the checkpoint as evidence, and compare with a copy of the log.',
  }),
  defineError('PLB-1801', {
    kind: 'input',
    title: 'the state file of the witness cannot be read',
    meaning: 'The file is not readable or damaged. A witness without its state could cosign a second history.',
    remedy: 'Restore the newest copy of the file.',
  }),
  defineError('PLB-1802', {
    kind: 'input',
    title: 'an option of the witness is missing or not valid',
    meaning: 'A required option is missing, has a wrong value, or names a file that must not exist yet.',
    remedy: 'Correct the option; see --help.',
  }),
  defineError('PLB-3150', {
    kind: 'not-found',
    title: 'the log has no such tile, entry bundle or file',
    meaning: 'The log is shorter, or the path is not one of a log.',
    remedy: 'Check the path; GET /api/v1/log returns the origin and the size of the log.',
  }),
  defineError('PLB-3151', {
    kind: 'not-found',
    title: 'the checkpoint does not exist',
    meaning: 'No checkpoint of this size or time was signed.',
    remedy: 'List checkpoints with GET /api/v1/log/checkpoints.',
  }),
  defineError('PLB-3152', {
    kind: 'not-found',
    title: 'the event is not in the database',
    meaning: 'The event was archived to a place that this process cannot read, or it was removed.',
    remedy: 'Set PLUMBLINE_AUDIT_ARCHIVE_DIR to the directory of the archives.',
  }),
  defineError('PLB-4103', {
    kind: 'conflict',
    title: 'the signer of the checkpoint is no longer the leader',
    meaning: 'Another process became the leader while the checkpoint was signed; it was not stored.',
    remedy: 'Nothing: the new leader signs.',
  }),
  defineError('PLB-5104', {
    kind: 'overloaded',
    title: 'the checkpoint is not signed yet',
    meaning: 'The newest events are not covered by a signed checkpoint yet.',
    remedy: 'Send the same request again.',
  }),
  defineError('PLB-6041', {
    kind: 'upstream',
    title: 'a log witness did not cosign the checkpoint',
    meaning: 'The witness is not reachable, rejected the checkpoint, or answered without a valid cosignature.',
    remedy: 'Check the URL and the key in PLUMBLINE_AUDIT_WITNESSES. The leader retries.',
  }),
  defineError('PLB-9111', {
    kind: 'internal',
    title: 'the head of the log does not match its tree',
    meaning: 'The stored head was changed outside of Plumbline. The log does not write.',
    remedy: 'Restore the database, or check it with "plumb log fsck".',
  }),
  defineError('PLB-9112', {
    kind: 'internal',
    title: 'a stored frontier does not match its tree size',
    meaning: 'The number of full subtrees is not the one that the size demands.',
    remedy: 'Restore the database, or check it with "plumb log fsck".',
  }),
  defineError('PLB-9113', {
    kind: 'internal',
    title: 'a Merkle proof was requested for an empty range',
    meaning: 'The code computes a range without leaves.',
    remedy: 'Report the message.',
  }),
  defineError('PLB-9114', {
    kind: 'internal',
    title: 'a checkpoint does not match the stored log',
    meaning: 'The database does not hold a log with the size and root of the checkpoint.',
    remedy: 'Check the log with "plumb log fsck".',
  }),
  defineError('PLB-9115', {
    kind: 'internal',
    title: 'the log does not match its newest signed checkpoint',
    meaning: 'Signed events are missing or altered, or the checkpoint is by another origin or key. Nothing is signed.',
    remedy: 'Check the log with "plumb log fsck". After a change of the key, name the old one as the message says.',
  }),
  defineError('PLB-9116', {
    kind: 'internal',
    title: 'a log witness has seen another log under this name',
    meaning: 'The witness cosigned events that this log does not begin with, or more events than this log has.',
    remedy: 'Find out whether an older copy was restored or two logs use one name; then start a log with a new name.',
  }),
  defineError('PLB-9117', {
    kind: 'internal',
    title: 'the log does not match its anchor',
    meaning: 'The anchored checkpoint is of another log, or has more or other events than this log.',
    remedy: 'Find out whether an older copy of the log was restored, or the log was changed.',
  }),
] as const;
