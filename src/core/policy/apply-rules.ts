import type { InvokeArguments } from '../invoke/arguments.ts';
import type { RuleType } from '../invoke/types.ts';
import type { RefusalReason } from '../refusal.ts';
import { deniesFunction, type FunctionTarget, matchesFunction } from './pattern.ts';
import type { AllowRule, Policy, Selector } from './policy.ts';

/** What rules are asked about: a function that the call reaches, and how. */
export interface Asked {
  readonly call: InvokeArguments;
  readonly target: FunctionTarget;
  readonly qualifier: string | undefined;
  readonly type: RuleType;
}

/** A rule, by its list and its place in it, from 0. */
export interface RuleName {
  readonly list: 'allow' | 'deny';
  readonly index: number;
}

/** What a rule may refuse, in the order in which it is asked. A test pins the order. */
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

/** The rule of `deny` that selects a call, if one does. */
export const findDenyRule = ({ deny }: Policy, asked: Asked) =>
  deny.find(
    (rule) => deniesFunction(rule.function, asked.target) && selectsQualifier(rule, asked) && selectsType(rule, asked),
  );

/** What the rules of `allow` decided. Of several that allow a call, the one with the most room for the payload counts. */
export type AllowOutcome =
  | { readonly allowed: true; readonly rule: AllowRule; readonly scopesNames: boolean }
  /** `rule` is the nearest one: it refused latest. Absent if none is about this function. */
  | { readonly allowed: false; readonly rule?: AllowRule; readonly reason: RefusalReason & `${string}-not-allowed` };

/**
 * Finds the rule of `allow` that allows all of a call. If none does, the refusal names what the nearest one refused. Of
 * rules that treat durable execution names differently, `scoped` wins over `shared`.
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
