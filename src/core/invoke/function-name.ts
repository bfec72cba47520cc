import { err, ok, type Result } from '../result.ts';
import { INVOKE_LIMITS } from './limits.ts';
import { REGION_PATTERN } from './region.ts';

/** The parts of a FunctionName argument. A part that the caller left out is absent, not guessed. */
export interface FunctionName {
  /** `aws`, `aws-cn`, ... Absent unless the value began with `arn:` and named a partition. */
  readonly partition?: string;
  readonly region?: string;
  /** Twelve digits. */
  readonly account?: string;
  readonly name: string;
  /** A version, an alias, `$LATEST` or `$LATEST.PUBLISHED`. */
  readonly qualifier?: string;
}

/**
 * The pattern as the service words it when it refuses a name (recorded 2025-11): the documented pattern, extended by the
 * newer regions and `$LATEST.PUBLISHED`. The parser below accepts the same names; a property test checks that the two agree.
 */
export const FUNCTION_NAME_PATTERN =
  '(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?(function:)?' +
  '([a-zA-Z0-9-_\\.]+)(:(\\$LATEST(\\.PUBLISHED)?|[a-zA-Z0-9-_]+))?';

/** Why a FunctionName is refused: it breaks the pattern, is longer than `max` characters, or has a name of dots only. */
export type FunctionNameFault =
  | { readonly kind: 'pattern' }
  | { readonly kind: 'length'; readonly max: number }
  | { readonly kind: 'dots' };

const PARTITION = /^(aws[a-zA-Z-]*)?$/;
const ACCOUNT = /^\d{12}$/;
const NAME = /^[a-zA-Z0-9\-_.]+$/;
const VERSION_OR_ALIAS = /^[a-zA-Z0-9\-_]+$/;
const ONLY_DOTS = /^\.+$/;
const LATEST = /^\$LATEST(\.PUBLISHED)?$/;

/** True for a name of dots only. The pattern allows such names, but no function has one, and `..` changes a URL path. */
export const isOnlyDots = (name: string): boolean => ONLY_DOTS.test(name);

/**
 * Parses a FunctionName in any form of API_Invoke: name, `name:qualifier`, partial ARN with or without a region, full ARN.
 *
 * The pattern is ambiguous (`123456789012:f` could be an account and a name, or a name and an alias). Like the pattern's
 * greedy groups, the parser takes each optional part that is present, as long as a name remains after that part.
 *
 * @param maxLength maximum length of the whole value, in characters.
 */
export function parseFunctionName(
  value: string,
  maxLength: number = INVOKE_LIMITS.maxFunctionNameLength,
): Result<FunctionName, FunctionNameFault> {
  const parts = value.split(':');
  const last = parts.at(-1) ?? '';
  const latest = parts.length > 1 && LATEST.test(last) ? last : undefined;
  if (latest !== undefined) parts.pop();

  let at = 0;
  const more = () => at < parts.length - 1;
  const take = (fits: boolean) => (fits ? parts[at++] : undefined);

  let partition: string | undefined;
  const isArn = parts.length > 3 && parts[0] === 'arn' && parts[2] === 'lambda' && PARTITION.test(parts[1] ?? '');
  if (isArn) {
    partition = parts[1] || undefined;
    at = 3;
  }
  const region = take(more() && REGION_PATTERN.test(parts[at] ?? ''));
  const account = take(more() && ACCOUNT.test(parts[at] ?? ''));
  take(more() && parts[at] === 'function');

  const name = parts[at++] ?? '';
  const qualifier = latest ?? parts[at++];
  if (at < parts.length || !NAME.test(name)) return err({ kind: 'pattern' });
  if (qualifier !== undefined && qualifier !== latest && !VERSION_OR_ALIAS.test(qualifier)) {
    return err({ kind: 'pattern' });
  }

  if (value.length > maxLength) return err({ kind: 'length', max: maxLength });
  const onlyName = !isArn && region === undefined && account === undefined;
  if (onlyName && name.length > INVOKE_LIMITS.maxBareNameLength) {
    return err({ kind: 'length', max: INVOKE_LIMITS.maxBareNameLength });
  }
  return ok({
    ...(partition !== undefined && { partition }),
    ...(region !== undefined && { region }),
    ...(account !== undefined && { account }),
    name,
    ...(qualifier !== undefined && { qualifier }),
  });
}
