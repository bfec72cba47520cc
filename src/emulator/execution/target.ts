import type { FunctionCode } from '../catalog.ts';

/** The target of an environment: one version of one function in one region. */
export interface Target {
  readonly code: FunctionCode;
  readonly version: string;
  readonly region: string;
}
