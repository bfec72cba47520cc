import { RULE_TYPES } from '../invoke/types.ts';
import { coversPattern, type FunctionPattern, matchesGlob } from './pattern.ts';
import type { Policy, PolicyFault, PublishedTarget, Selector } from './policy.ts';

/** Represents any qualifier that no rule names. No caller can send `*` as a qualifier. */
const ANY_OTHER = '*';

/**
 * Finds the parts of a policy that no call can ever match: a rule of `allow` that `deny` covers, a rule of `allow` that no
 * published name reaches although `publishedOnly` is set, and a published name that `allow` and `deny` let nobody call.
 *
 * This function does not know the tenant's home, so a name without a place may be in any place. The function does not
 * notice if only several patterns of `deny` together cover a rule of `allow`.
 */
export function findDeadRules({ allow, deny, publish, publishedOnly }: Policy): PolicyFault[] {
  const targets = [...publish.values()].filter((target) => target !== undefined);
  const faults: PolicyFault[] = [];
  if (publishedOnly && publish.size === 0) {
    faults.push({ path: ['publishedOnly'], problem: "can never match: no name is published. Add one to 'publish'" });
  }
  for (const rule of allow) {
    const covering = deny.filter((one) => coversPattern(one.function, rule.function));
    if (!hasWay(rule, covering)) {
      const problem = "can never match: 'deny' covers all of it";
      faults.push({ path: ['allow', rule.index, 'function'], problem });
    } else if (publishedOnly && !targets.some((target) => reaches(rule, target, deny))) {
      const problem = "can never match: 'publishedOnly' is set, and no published name targets such a function";
      faults.push({ path: ['allow', rule.index, 'function'], problem });
    }
  }
  for (const [name, target] of publish) {
    if (!target || allow.some((rule) => reaches(rule, target, deny))) continue;
    const named = allow.some((rule) => matchesTarget(rule.function, target));
    const why = named
      ? "'deny', or the qualifiers and types in 'allow', exclude every call to it"
      : "no rule in 'allow' matches its function";
    faults.push({ path: ['publish', name], problem: `can never match: ${why}` });
  }
  return faults;
}

/** True if a rule of `allow` lets at least one call reach the target of a published name. */
function reaches(rule: Selector, target: PublishedTarget, deny: readonly Selector[]): boolean {
  if (!matchesTarget(rule.function, target)) return false;
  const { qualifier } = target;
  if (qualifier !== undefined && rule.qualifiers && !rule.qualifiers.includes(qualifier)) return false;
  const place = placeOf(target) ?? rule.function.place;
  const denying = deny.filter(
    ({ function: pattern }) =>
      matchesGlob(pattern.name, target.name) && (pattern.place === undefined || isSame(pattern.place, place)),
  );
  return hasWay(qualifier === undefined ? rule : { ...rule, qualifiers: [qualifier] }, denying);
}

/** True if a rule selects a combination of type and qualifier that no rule in `denying` denies. */
function hasWay({ types = RULE_TYPES, qualifiers = [ANY_OTHER] }: Selector, denying: readonly Selector[]): boolean {
  return types.some((type) =>
    qualifiers.some(
      (qualifier) =>
        !denying.some((one) => (one.types?.includes(type) ?? true) && (one.qualifiers?.includes(qualifier) ?? true)),
    ),
  );
}

const matchesTarget = ({ name, place }: FunctionPattern, target: PublishedTarget): boolean => {
  const at = placeOf(target);
  return matchesGlob(name, target.name) && (place === undefined || at === undefined || isSame(place, at));
};

type Place = NonNullable<FunctionPattern['place']>;

const placeOf = ({ partition, region, account }: PublishedTarget): Place | undefined =>
  partition !== undefined && region !== undefined && account !== undefined ? { partition, region, account } : undefined;

const isSame = (one: Place, other: Place | undefined): boolean =>
  other !== undefined &&
  one.account === other.account &&
  one.region === other.region &&
  one.partition === other.partition;
