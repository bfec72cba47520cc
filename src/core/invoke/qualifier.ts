import { err, ok, type Result } from '../result.ts';
import { INVOKE_LIMITS } from './limits.ts';

/** The pattern as the service words it when it refuses a qualifier (recorded 2025-11). */
export const QUALIFIER_PATTERN = '\\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9-_$]+';

const QUALIFIER = /^(\$LATEST\.PUBLISHED|[a-zA-Z0-9\-_$]+)$/;

/** Why a Qualifier is not valid. */
export type QualifierFault = { readonly kind: 'pattern' } | { readonly kind: 'length'; readonly max: number };

/** Parses the Qualifier parameter. The documented pattern allows an empty value, which means no qualifier. */
export function parseQualifier(value: string): Result<string | undefined, QualifierFault> {
  if (value === '') return ok(undefined);
  if (value.length > INVOKE_LIMITS.maxQualifierLength) {
    return err({ kind: 'length', max: INVOKE_LIMITS.maxQualifierLength });
  }
  return QUALIFIER.test(value) ? ok(value) : err({ kind: 'pattern' });
}
