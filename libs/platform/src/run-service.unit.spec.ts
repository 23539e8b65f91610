// SPDX-License-Identifier: Apache-2.0
import { InputError, UpstreamError } from '@plumbline/core';
import { describe, expect, it } from 'vitest';
import { describeFatal } from './run-service.js';

describe('a start that failed', () => {
  it('is told with its code and every mistake of the configuration', () => {
    const error = new InputError('PLB-1901', 'the configuration is wrong', {
      issues: [{ path: 'PLUMBLINE_LOG_URL', message: 'is required and not set' }],
    });
    expect(describeFatal('watcher', error)).toBe(
      'plumbline watcher cannot run: PLB-1901 the configuration is wrong\n  PLUMBLINE_LOG_URL: is required and not set\n',
    );
  });

  it('is told with what caused it, and without the password of any URL', () => {
    const error = new UpstreamError('PLB-6001', 'the log is not reachable', {
      cause: new Error('connect postgres://plumbline:hunter2@db/x refused'),
    });
    const text = describeFatal('audit', error);
    expect(text).toContain('because: connect postgres://***@db/x refused');
    expect(text).not.toContain('hunter2');
  });

  it('shows where it happened when it is a bug', () => {
    expect(describeFatal('audit', new TypeError('x is not a function'))).toContain('run-service.unit.spec.ts');
  });
});
