import type { InvokeArguments } from '../invoke/arguments.ts';
import type { RuleType } from '../invoke/types.ts';
import type { RefusalReason } from '../refusal.ts';
import { deniesFunction, type FunctionTarget, matchesFunction } from './pattern.ts';
import type { AllowRule, Policy, Selector } from './policy.ts';

/** A call as the rules see it: the function that the call reaches, and the way in which it runs the function. */
export interface Asked {
  readonly call: InvokeArguments;
  readonly target: FunctionTarget;
  readonly qualifier: string | undefined;
  readonly type: RuleType;
}

/** Identifies a rule by its list and its index in that list, starting at 0. */
export interface RuleName {
  readonly list: 'allow' | 'deny';
  readonly index: number;
}

/** The checks by which a rule of `allow` may refuse a call, in the order in which they run. A test pins the order. */
export const RULE_CHECKS: readonly (readonly [
  RefusalReason & `${string}-not-allowed`,
  (rule: AllowRule, asked: Asked) => boolean,
])[] = [
  ['qualifier-not-allowed', (rule, asked) => selectsQualifier(rule, asked)],
  ['type-not-allowed', (rule, asked) => selectsType(rule, asked)],
  ['log-tail-not-allowed', (rule, { call }) => call.logType === 'None' || rule.logTail],
  ['client-context-not-allowed', (rule, { call }) => call.clientContext === undefined || rule.clientContext],
  ['tenant-id-not-allowed', (rule, { call }) => call.tenantId === undefined || rule.tenantId === 'caller'],
  [
    'durable-names-not-allowed',
    (rule, { call }) => call.durableExecutionName === undefined || rule.durableNames !== undefined,
  ],
];

const selectsQualifier = ({ qualifiers }: Selector, { qualifier }: Asked) =>
  qualifiers?.includes(qualifier ?? '$LATEST') ?? true;
const selectsType = ({ types }: Selector, { type }: Asked) => types?.includes(type) ?? true;

/** Finds the first rule of `deny` that selects a call. Undefined if no rule does. */
export const findDenyRule = ({ deny }: Policy, asked: Asked) =>
  deny.find(
    (rule) => deniesFunction(rule.function, asked.target) && selectsQualifier(rule, asked) && selectsType(rule, asked),
  );

/** The outcome of the rules of `allow`. If several rules allow a call, `rule` is the one that allows the largest payload. */
export type AllowOutcome =
  | { readonly allowed: true; readonly rule: AllowRule; readonly scopesNames: boolean }
  /** `rule` is the nearest rule: it passed the most checks before it refused. Absent if no rule matches the function. */
  | { readonly allowed: false; readonly rule?: AllowRule; readonly reason: RefusalReason & `${string}-not-allowed` };

/**
 * Finds the rule of `allow` that allows every part of a call. If no rule does, the reason names the part that the nearest
 * rule refused. If several rules allow the call but treat durable execution names differently, `scoped` wins over `shared`.
 */
export function applyAllowRules(
  { allow }: Policy,
  asked: Asked,
  home: { readonly account: string; readonly region: string },
): AllowOutcome {
  let nearest = -1;
  let nearestRule: AllowRule | undefined;
  let allowing: AllowRule | undefined;
  let scopesNames = false;
  for (const rule of allow) {
    if (!matchesFunction(rule.function, asked.target, home)) continue;
    const refusedBy = RULE_CHECKS.findIndex(([, allows]) => !allows(rule, asked));
    if (refusedBy < 0) {
      scopesNames ||= rule.durableNames === 'scoped';
      if (!allowing || rule.maxPayloadBytes > allowing.maxPayloadBytes) allowing = rule;
    } else if (refusedBy > nearest) {
      nearest = refusedBy;
      nearestRule = rule;
    }
  }
  if (allowing) return { allowed: true, rule: allowing, scopesNames };
  const reason = RULE_CHECKS[nearest]?.[0] ?? 'function-not-allowed';
  return { allowed: false, reason, ...(nearestRule && { rule: nearestRule }) };
}
