// SPDX-License-Identifier: Apache-2.0
export { GitBranchWriter } from './git-branch-writer.js';
export type { BranchCommit, GitBranchWriterOptions } from './git-branch-writer.js';
export { gitVariables } from './git-command.js';
export type { GitProcessOptions } from './git-command.js';
export { readCredentials } from './git-credentials.js';
export type { CredentialPlaces, CredentialReferences, GitCredentials } from './git-credentials.js';
export { GitMirror, isCommitId } from './git-mirror.js';
export type { GitMirrorOptions, Refs, ResolvedRef } from './git-mirror.js';
export { digestEntries, GitTree } from './git-tree.js';
export type { ReadBlobs, TreeEntry } from './git-tree.js';
export { maskGitText, maskUrl, parseGitUrl } from './git-url.js';
export type { GitUrl } from './git-url.js';
export { materialise } from './materialise.js';
export type { MaterialiseLimits } from './materialise.js';
