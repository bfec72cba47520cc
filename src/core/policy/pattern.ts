import { isOnlyDots } from '../invoke/function-name.ts';
import { partitionOf } from '../invoke/region.ts';
import { err, ok, type Result } from '../result.ts';

/** A pattern for a function's name, with `*` as wildcard, and the place where the function may live. */
export interface FunctionPattern {
  /** Letters, digits, `-`, `_`, `.` and `*`. A `*` matches any run of characters, even an empty run. */
  readonly name: string;
  /** Absent: in `allow`, our own account and the tenant's region; in `deny`, every account and region. */
  readonly place?: { readonly partition: string; readonly region: string; readonly account: string };
}

/** A function and the place where it lives. */
export interface FunctionTarget {
  readonly partition: string;
  readonly region: string;
  readonly account: string;
  readonly name: string;
}

/** Returns the full ARN of a function, without a qualifier. */
export const arnOf = ({ partition, region, account, name }: FunctionTarget): string =>
  `arn:${partition}:lambda:${region}:${account}:function:${name}`;

/** Maximum length of a pattern, in characters. A match takes at most (pattern length x name length) steps. */
export const MAX_PATTERN_LENGTH = 256;

/** Length of the longest function name that any limit of the service allows, in characters. */
const MAX_NAME_LENGTH = 140;
const NAME = /^[a-zA-Z0-9\-_.*]+$/;

/**
 * Parses a rule's `function`: a name pattern, or a full ARN that has a name pattern as its name. Only the name may have
 * wildcards: a wildcard in the account or region would let a caller choose whose function our credentials reach.
 *
 * @returns the pattern, or a sentence that says what is wrong with the text and how to fix it.
 */
export function parseFunctionPattern(text: string): Result<FunctionPattern, string> {
  if (text.length > MAX_PATTERN_LENGTH) return err(`must have at most ${MAX_PATTERN_LENGTH} characters`);
  const neverMatches = (name: string) => isOnlyDots(name) || name.replaceAll('*', '').length > MAX_NAME_LENGTH;
  if (!text.startsWith('arn:')) {
    if (neverMatches(text)) return err('can never match: no function has such a name');
    if (NAME.test(text)) return ok({ name: text });
    return err(
      "must be a function name with letters, digits, '-', '_', '.' and '*' as wildcard, or a full function ARN; put versions and aliases in 'qualifiers'",
    );
  }
  const [, partition = '', service, region = '', account = '', kind, name = '', ...rest] = text.split(':');
  if (service !== 'lambda' || kind !== 'function' || !NAME.test(name)) {
    return err('must be a full function ARN, such as arn:aws:lambda:eu-west-1:123456789012:function:orders-*');
  }
  if (neverMatches(name)) return err('can never match: no function has such a name');
  if (rest.length > 0) return err("must not end in a version or alias; put it in 'qualifiers'");
  if (!/^\d{12}$/.test(account)) return err('must spell out the account: twelve digits, no wildcard');
  const known = partitionOf(region);
  if (!known) return err('must spell out a region that exists, with no wildcard');
  if (known.name !== partition) return err(`must begin with arn:${known.name}: for a function in ${region}`);
  return ok({ name, place: { partition, region, account } });
}

/**
 * Says whether a pattern of `allow` matches a function, for a tenant whose home is `home`. A pattern without a place
 * matches only functions in that home, so that an allowed name never reaches a function of another account.
 */
export function matchesFunction(
  pattern: FunctionPattern,
  target: FunctionTarget,
  home: { readonly account: string; readonly region: string },
): boolean {
  const { place } = pattern;
  if (place === undefined) {
    if (target.account !== home.account || target.region !== home.region) return false;
  } else if (!isSamePlace(place, target)) return false;
  return matchesGlob(pattern.name, target.name);
}

/**
 * Says whether a pattern of `deny` matches a function. A pattern without a place matches the name in every place: what is
 * denied stays denied when a tenant moves to another region, or is allowed a function by its ARN.
 */
export const deniesFunction = ({ name, place }: FunctionPattern, target: FunctionTarget): boolean =>
  (place === undefined || isSamePlace(place, target)) && matchesGlob(name, target.name);

type Place = NonNullable<FunctionPattern['place']>;
const isSamePlace = (one: Place, other: Place) =>
  one.account === other.account && one.region === other.region && one.partition === other.partition;

/** True if `wide` (of `deny`) matches every function that `narrow` (of `allow`) matches, wherever the tenant's home is. */
export function coversPattern(wide: FunctionPattern, narrow: FunctionPattern): boolean {
  const samePlace = wide.place === undefined || (narrow.place !== undefined && isSamePlace(wide.place, narrow.place));
  // Only a `*` in `wide` matches a `*` in `narrow`, because no function name contains `*`.
  return samePlace && matchesGlob(wide.name, narrow.name);
}

/**
 * Matches the whole text against a pattern in which `*` matches any run of characters.
 *
 * @param steps counts the steps of the match: at most the length of the pattern times the length of the text.
 */
export function matchesGlob(pattern: string, text: string, steps?: { taken: number }): boolean {
  let p = 0;
  let t = 0;
  let star = -1; // index of the last `*` seen; it matches the text up to `reach`
  let reach = 0;
  while (t < text.length) {
    if (steps) steps.taken += 1;
    if (pattern[p] === '*') {
      if (p === pattern.length - 1) return true; // a final `*` matches the rest of the text
      star = p++;
      reach = t;
    } else if (p < pattern.length && pattern[p] === text[t]) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++reach;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}
