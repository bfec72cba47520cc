import { parseFunctionName } from '../invoke/function-name.ts';
import { INVOKE_LIMITS } from '../invoke/limits.ts';
import { parseQualifier } from '../invoke/qualifier.ts';
import { partitionOf } from '../invoke/region.ts';
import { INVOCATION_TYPES, type InvocationType } from '../invoke/types.ts';
import { no, ok, type Result } from '../result.ts';
import {
  coversPattern,
  type FunctionPattern,
  type FunctionTarget,
  matchesGlob,
  parseFunctionPattern,
} from './pattern.ts';

/** What `policy.allow` and `policy.deny` select calls by; what is absent selects all. */
export interface SelectorDocument {
  readonly function: string;
  readonly qualifiers?: readonly string[] | undefined;
  readonly types?: readonly InvocationType[] | undefined;
}

/** One entry of `policy.allow` as the operator writes it; the admin API checks its shape. */
export interface AllowRuleDocument extends SelectorDocument {
  readonly logTail?: boolean | undefined;
  readonly clientContext?: boolean | undefined;
  readonly maxPayloadBytes?: number | undefined;
  readonly tenantId?: 'caller' | undefined;
}

/** A tenant's policy as the operator writes it. */
export interface PolicyDocument {
  readonly allow: readonly AllowRuleDocument[];
  /** Wins over `allow`. */
  readonly deny?: readonly SelectorDocument[] | undefined;
  /** Names for callers who are not to see where a function lives: each with its target, a name or a full ARN. */
  readonly publish?: Readonly<Record<string, string>> | undefined;
  /** Addresses (CIDR) that calls may come from; absent: all. */
  readonly ipAllow?: readonly string[] | undefined;
  /** Origins of web pages that may call; absent: none. */
  readonly corsOrigins?: readonly string[] | undefined;
  /** Seconds that a presigned request may live at the most; absent: AWS's own limit, seven days. */
  readonly maxPresignedSeconds?: number | undefined;
}

/** What selects calls, ready to decide. */
export interface Selector {
  /** Where it stands in the operator's list. */
  readonly index: number;
  readonly function: FunctionPattern;
  /** Versions and aliases that may be called; `$LATEST` also stands for none given. Absent: all. */
  readonly qualifiers?: readonly string[];
  /** Absent: all. */
  readonly types?: readonly InvocationType[];
}

/** One rule of `allow`, ready to decide. */
export interface AllowRule extends Selector {
  /** Whether the caller may ask for the execution log. Off unless said: logs tell more than answers. */
  readonly logTail: boolean;
  /** Whether the caller may send a client context. */
  readonly clientContext: boolean;
  readonly maxPayloadBytes: number;
  /** `caller`: the caller may choose X-Amz-Tenant-Id. */
  readonly tenantId?: 'caller';
}

/** What a published name stands for: what is absent is the tenant's home. */
export type PublishedTarget = Partial<Pick<FunctionTarget, 'partition' | 'region' | 'account'>> & {
  readonly name: string;
  readonly qualifier?: string;
};

/** A tenant's policy, ready to decide. Without a rule it allows nothing. */
export interface Policy {
  readonly allow: readonly AllowRule[];
  readonly deny: readonly Selector[];
  readonly publish: ReadonlyMap<string, PublishedTarget>;
  readonly corsOrigins: readonly string[];
  readonly maxPresignedSeconds?: number;
}

/** What is wrong with a policy: where (a path into the document) and a sentence. */
export interface PolicyFault {
  readonly path: readonly (string | number)[];
  readonly problem: string;
}

const PUBLISHED_NAME = /^[a-zA-Z0-9\-_]{1,64}$/;
const ONLY_DOTS = /^\.+$/;

/** Parses what a published name stands for: a function's name, or its full ARN, each with a qualifier or without. */
export function parsePublishedTarget(text: string): Result<PublishedTarget, string> {
  const parsed = parseFunctionName(text, INVOKE_LIMITS.maxFunctionNameLength);
  const problem = 'must be a function name or a full function ARN, with a version or alias behind it if wanted';
  if (!parsed.ok || ONLY_DOTS.test(parsed.value.name)) return no(problem);
  const { region, account } = parsed.value;
  if (text.startsWith('arn:')) {
    const known = partitionOf(region ?? '');
    if (account === undefined || known === undefined) return no('must spell out a region that exists and the account');
    if (!text.startsWith(`arn:${known.name}:`)) return no(`must begin with arn:${known.name}: for ${region}`);
  } else if (region !== undefined || account !== undefined) return no(problem);
  return ok(parsed.value);
}

/** Finds everything that is wrong with a policy whose shape is already right. */
export function findPolicyFaults(document: PolicyDocument): PolicyFault[] {
  const { allow, deny = [], publish = {} } = document;
  const denied = deny.flatMap((rule) => {
    const pattern = parseFunctionPattern(rule.function);
    return pattern.ok && !rule.qualifiers && !rule.types ? [pattern.value] : [];
  });
  const faults = [
    ...allow.flatMap((rule, index) => findSelectorFaults(rule, ['allow', index])),
    ...deny.flatMap((rule, index) => findSelectorFaults(rule, ['deny', index])),
  ];
  allow.forEach(({ function: text }, index) => {
    const pattern = parseFunctionPattern(text);
    if (!pattern.ok || !denied.some((one) => coversPattern(one, pattern.value))) return;
    faults.push({ path: ['allow', index, 'function'], problem: "can never match: a rule of 'deny' covers all of it" });
  });
  for (const [name, text] of Object.entries(publish)) {
    const path = ['publish', name];
    if (!PUBLISHED_NAME.test(name)) {
      faults.push({ path, problem: "must be named with 1 to 64 letters, digits, '-' and '_'" });
    }
    const target = parsePublishedTarget(text);
    if (!target.ok) faults.push({ path, problem: target.error });
    else if (!allow.some((rule) => matchesGlob(rule.function.replace(/^.*:/, ''), target.value.name))) {
      faults.push({ path, problem: "can never be called: no rule of 'allow' names its function" });
    }
  }
  return faults;
}

function findSelectorFaults(rule: SelectorDocument, path: readonly (string | number)[]): PolicyFault[] {
  const faults: PolicyFault[] = [];
  const pattern = parseFunctionPattern(rule.function);
  if (!pattern.ok) faults.push({ path: [...path, 'function'], problem: pattern.error });
  rule.qualifiers?.forEach((qualifier, at) => {
    const parsed = parseQualifier(qualifier);
    if (!parsed.ok || parsed.value === undefined) {
      const problem = "must be a version, an alias, '$LATEST' or '$LATEST.PUBLISHED', of at most 128 characters";
      faults.push({ path: [...path, 'qualifiers', at], problem });
    }
  });
  return faults;
}

/**
 * Makes a stored policy ready to decide. Fails closed: a rule of `allow` that cannot be read allows nothing, and one of
 * `deny` denies everything.
 */
export function compilePolicy(document: PolicyDocument): Policy {
  const { maxPresignedSeconds, corsOrigins = [], publish = {} } = document;
  return {
    ...(maxPresignedSeconds !== undefined && { maxPresignedSeconds }),
    corsOrigins,
    publish: new Map(
      Object.entries(publish).flatMap(([name, text]) => {
        const target = parsePublishedTarget(text);
        return target.ok ? [[name, target.value] as const] : [];
      }),
    ),
    deny: (document.deny ?? []).map(
      (rule, index) => compileSelector(rule, index) ?? { index, function: { name: '*' } },
    ),
    allow: document.allow.flatMap((rule, index) => {
      const selector = compileSelector(rule, index);
      if (!selector) return [];
      return {
        ...selector,
        logTail: rule.logTail === true,
        clientContext: rule.clientContext !== false,
        maxPayloadBytes: rule.maxPayloadBytes ?? Number.POSITIVE_INFINITY,
        ...(rule.tenantId === 'caller' && { tenantId: rule.tenantId }),
      };
    }),
  };
}

function compileSelector(rule: SelectorDocument, index: number): Selector | undefined {
  const pattern = parseFunctionPattern(rule.function);
  if (!pattern.ok) return undefined;
  return {
    index,
    function: pattern.value,
    ...(rule.qualifiers !== undefined && { qualifiers: rule.qualifiers }),
    ...(rule.types !== undefined && { types: rule.types.filter((type) => INVOCATION_TYPES.includes(type)) }),
  };
}
