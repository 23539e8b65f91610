// SPDX-License-Identifier: Apache-2.0
import { Global, Module } from '@nestjs/common';
import { AUDIT_CONFIG, auditConfigProvider } from './audit.config.js';

/** The settings that several modules of the audit service share. */
@Global()
@Module({ providers: [auditConfigProvider], exports: [AUDIT_CONFIG] })
export class AuditConfigModule {}
