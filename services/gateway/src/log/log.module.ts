// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { StateModule } from '../state.module.js';
import { LogAdministrationController } from './log-administration.controller.js';
import { LogAdministrationService } from './log-administration.service.js';
import { logFilesConfigProvider } from './log.config.js';
import { LogController } from './log.controller.js';
import { LogFilesController } from './log-files.controller.js';
import { QuarantineController } from './quarantine.controller.js';
import { QuarantineService } from './quarantine.service.js';
import { LogService } from './log.service.js';

/** The log as a tree, its files, and its administration. */
@Module({
  imports: [StateModule, AuthModule],
  controllers: [LogController, LogFilesController, LogAdministrationController, QuarantineController],
  providers: [logFilesConfigProvider, LogService, LogAdministrationService, QuarantineService],
  exports: [LogService, LogAdministrationService, QuarantineService],
})
export class LogModule {}
