// SPDX-License-Identifier: Apache-2.0
import { Module } from '@nestjs/common';
import { StateModule } from '../state.module.js';
import { DiffService } from './diff.service.js';
import { Past } from './past.js';
import { ReadModel } from './read-model.js';

/** Reads documents of the read models, as of now or as of an earlier position or time. */
@Module({ imports: [StateModule], providers: [ReadModel, Past, DiffService], exports: [ReadModel, Past, DiffService] })
export class ReadSideModule {}
