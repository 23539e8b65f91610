// SPDX-License-Identifier: Apache-2.0
import { rendererContract } from '../renderer.contract.js';
import { PlainRenderer } from './plain.renderer.js';

rendererContract(new PlainRenderer());
