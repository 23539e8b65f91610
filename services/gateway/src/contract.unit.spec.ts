// SPDX-License-Identifier: Apache-2.0
import type * as client from '@plumbline/api-client';
import type { ErasureReport } from '@plumbline/event-log';
import { describe, expectTypeOf, it } from 'vitest';
import type { ApplicationStatus } from './applications/applications.service.js';
import type { EnvironmentDifference } from './reads/diff.service.js';
import type { LegalHoldChange, ReleaseResult } from './log/upkeep.service.js';
import type { HistoryEntry } from './reads/history.js';
import type { ApplicationItem } from './reads/summary.js';
import type { ApprovalResult, PlanResult, RollbackResult } from './requests/outcomes.js';
import type { ApplyResult, ChangeResult } from './resources/resources.service.js';
import type { Accepted } from './state/log-access.js';
import type { TokenItem } from './tokens/tokens.service.js';

// The client has types of its own, since it may not depend on a service: they have to be those of what the service answers.
describe('the types of the API client', () => {
  it('are those of the answers', () => {
    expectTypeOf<ApplicationItem>().toExtend<client.ApplicationItem>();
    expectTypeOf<ApplicationStatus>().toExtend<client.ApplicationStatus>();
    expectTypeOf<HistoryEntry>().toExtend<client.HistoryEntry>();
    expectTypeOf<EnvironmentDifference>().toExtend<client.EnvironmentDifference>();
    expectTypeOf<PlanResult>().toExtend<client.PlanResult>();
    expectTypeOf<ApprovalResult>().toExtend<client.ApprovalResult>();
    expectTypeOf<RollbackResult>().toExtend<client.RollbackResult>();
    expectTypeOf<ApplyResult>().toExtend<client.ApplyResult>();
    expectTypeOf<ChangeResult>().toExtend<client.ChangeResult>();
    expectTypeOf<Accepted>().toExtend<client.Accepted>();
    expectTypeOf<ReleaseResult>().toExtend<client.ReleaseInfo>();
    expectTypeOf<LegalHoldChange>().toExtend<client.LegalHoldResult>();
    expectTypeOf<ErasureReport>().toExtend<client.ErasureResult>();
    expectTypeOf<TokenItem>().toExtend<client.TokenItem>();
  });
});
