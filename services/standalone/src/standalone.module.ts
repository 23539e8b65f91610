// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import { ApplierModule } from '@plumbline/applier';
import { AuditModule } from '@plumbline/audit';
import { GatewayModule } from '@plumbline/gateway';
import { PolicyModule } from '@plumbline/policy';
import { RendererModule } from '@plumbline/renderer';
import { WatcherModule } from '@plumbline/watcher';

/** All services in one process. Composition only: none of them knows. */
@Module({ imports: [AuditModule, WatcherModule, RendererModule, PolicyModule, ApplierModule, GatewayModule] })
export class StandaloneModule {}
