// SPDX-License-Identifier: Apache-2.0
import { conditionOf, listAt, numberAt, stringAt, at } from '../fields.js';
import type { HealthRule } from '../health-rule.js';
import { degraded, healthy, progressing, suspended } from './verdict.js';

/** Not healthy before it is complete: a Job that runs has not done its work. */
export const job: HealthRule = (object) => {
  const complete = conditionOf(object, 'Complete');
  if (complete?.status === 'True') return healthy('is complete', 'Complete');
  const failed = conditionOf(object, 'Failed');
  if (failed?.status === 'True') return degraded(failed.reason || 'Failed', failed.message || 'the job has failed');
  if (at(object, 'spec', 'suspend') === true) return suspended('Suspended', 'the job is suspended');
  const succeeded = numberAt(object, 'status', 'succeeded') ?? 0;
  const wanted = numberAt(object, 'spec', 'completions') ?? 1;
  const active = numberAt(object, 'status', 'active') ?? 0;
  const failures = numberAt(object, 'status', 'failed') ?? 0;
  if (stringAt(object, 'status', 'startTime') === undefined)
    return progressing('NotStarted', 'the job has not started yet');
  return progressing(
    'Running',
    `${succeeded} of ${wanted} pods have succeeded, ${active} run${failures > 0 ? `, ${failures} have failed` : ''}`,
  );
};

/** Healthy while it waits or runs; degraded when its last finished run did not succeed. */
export const cronJob: HealthRule = (object) => {
  if (at(object, 'spec', 'suspend') === true) return suspended('Suspended', 'the schedule is suspended');
  const scheduled = stringAt(object, 'status', 'lastScheduleTime');
  if (scheduled === undefined) return healthy('waits for its first run', 'Scheduled');
  if (listAt(object, 'status', 'active').length > 0) return healthy(`runs since ${scheduled}`, 'Running');
  const succeeded = stringAt(object, 'status', 'lastSuccessfulTime');
  if (succeeded === undefined || Date.parse(succeeded) < Date.parse(scheduled)) {
    return degraded(
      'LastRunFailed',
      `the run of ${scheduled} did not succeed${succeeded === undefined ? '' : `; the last success was at ${succeeded}`}`,
    );
  }
  return healthy(`last succeeded at ${succeeded}`, 'Succeeded');
};
