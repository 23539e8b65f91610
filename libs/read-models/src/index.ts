// SPDX-License-Identifier: Apache-2.0
export { ViewKind } from './documents.js';
export type {
  ApplicationView,
  ApprovalRecord,
  ApprovalView,
  ClusterView,
  DecisionState,
  DriftView,
  EnvironmentView,
  ProjectView,
  Provenance,
  QuarantineView,
  RefView,
  RepositoryView,
  SubscriptionView,
  TargetView,
  TokenView,
  VersionView,
  ViewChange,
  ViewDocuments,
  ViewReader,
} from './documents.js';
export type { ApplicationFacts } from './application-facts.js';
export { evolveViews } from './evolve.js';
export type { EvolveOptions } from './evolve.js';
export { quarantineKey } from './evolve-quarantine.js';
export { targetKey, versionKey } from './keys.js';
export { ViewHistory } from './view-history.js';
export type { DocumentState, StateFilter } from './view-history.js';
export { ViewStore } from './view-store.js';
export type { ViewStoreOptions, ViewStoreSnapshot } from './view-store.js';
