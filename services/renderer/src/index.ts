// SPDX-License-Identifier: Apache-2.0
export { RendererModule } from './renderer.module.js';
