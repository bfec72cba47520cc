import type { FunctionCode } from '../catalog.ts';

/** What an environment is made for: one version of one function in one region. */
export interface Target {
  readonly code: FunctionCode;
  readonly version: string;
  readonly region: string;
}
