import { isOnlyDots, parseFunctionName } from '../invoke/function-name.ts';
import { INVOKE_LIMITS } from '../invoke/limits.ts';
import { parseQualifier } from '../invoke/qualifier.ts';
import { partitionOf } from '../invoke/region.ts';
import { RULE_TYPES, type RuleType } from '../invoke/types.ts';
import { err, ok, type Result } from '../result.ts';
import { type FunctionPattern, type FunctionTarget, parseFunctionPattern } from './pattern.ts';

/** The fields by which rules of `policy.allow` and `policy.deny` select calls. An absent field selects every call. */
export interface SelectorDocument {
  readonly function: string;
  readonly qualifiers?: readonly string[] | undefined;
  readonly types?: readonly RuleType[] | undefined;
}

/** One entry of `policy.allow` as the operator writes it. The admin API checks the entry's shape. */
export interface AllowRuleDocument extends SelectorDocument {
  readonly logTail?: boolean | undefined;
  readonly clientContext?: boolean | undefined;
  readonly maxPayloadBytes?: number | undefined;
  readonly tenantId?: 'caller' | undefined;
  /** Absent: the rule refuses a call that names its durable execution. */
  readonly durableNames?: DurableNames | undefined;
}

/**
 * The scope of durable execution names. Lambda has one namespace per account and region. If a call names an execution that
 * Lambda already knows, Lambda answers with the result of that execution. `scoped`: each tenant has a separate namespace.
 * `shared`: names are sent unchanged, and tenants of one function can read each other's results.
 */
export type DurableNames = 'scoped' | 'shared';

/** The part of a function's error that a caller sees: the full error, or only its type. */
export type ErrorDetail = 'full' | 'type';

/** `strict`: only content types that `isAcceptedContentType` accepts. `lenient`: any type, but the payload must be JSON. */
export type ContentTypes = 'strict' | 'lenient';

/** A tenant's policy as the operator writes it. */
export interface PolicyDocument {
  readonly allow: readonly AllowRuleDocument[];
  /** Wins over `allow`. */
  readonly deny?: readonly SelectorDocument[] | undefined;
  /** Names that hide from callers where a function lives. The value of each is its target: a function name or a full ARN. */
  readonly publish?: Readonly<Record<string, string>> | undefined;
  /** Only published names may be called. */
  readonly publishedOnly?: boolean | undefined;
  /** Addresses (CIDR) that calls may come from. Absent: all addresses. */
  readonly ipAllow?: readonly string[] | undefined;
  /** Origins of web pages that may call. Absent: no page may call. */
  readonly corsOrigins?: readonly string[] | undefined;
  /** Maximum lifetime of a presigned request, in seconds. Absent: AWS's own limit, seven days. */
  readonly maxPresignedSeconds?: number | undefined;
  /** Absent: the gateway's setting applies. */
  readonly contentTypes?: ContentTypes | undefined;
  /** Absent: `full`. */
  readonly errorDetail?: ErrorDetail | undefined;
}

/** The fields by which a rule selects calls, in compiled form. */
export interface Selector {
  /** The rule's index in the operator's list. */
  readonly index: number;
  readonly function: FunctionPattern;
  /** Versions and aliases that the rule selects. `$LATEST` also selects a call without a qualifier. Absent: all. */
  readonly qualifiers?: readonly string[];
  /** Absent: all. */
  readonly types?: readonly RuleType[];
}

/** One rule of `allow`, in compiled form. */
export interface AllowRule extends Selector {
  /** True if the caller may ask for the execution log. Default false, because logs reveal more than answers. */
  readonly logTail: boolean;
  /** True if the caller may send a client context. */
  readonly clientContext: boolean;
  readonly maxPayloadBytes: number;
  /** `caller`: the caller may choose X-Amz-Tenant-Id. */
  readonly tenantId?: 'caller';
  readonly durableNames?: DurableNames;
}

/** The function that a published name calls. An absent part is taken from the tenant's home. */
export type PublishedTarget = Partial<Pick<FunctionTarget, 'partition' | 'region' | 'account'>> & {
  readonly name: string;
  readonly qualifier?: string;
};

/** A tenant's policy, in compiled form. A policy without a rule of `allow` allows nothing. */
export interface Policy {
  readonly allow: readonly AllowRule[];
  readonly deny: readonly Selector[];
  /** Targets by published name. A target that cannot be read is undefined, so that calls of its name fail: fails closed. */
  readonly publish: ReadonlyMap<string, PublishedTarget | undefined>;
  readonly publishedOnly: boolean;
  readonly corsOrigins: readonly string[];
  readonly maxPresignedSeconds?: number;
  readonly contentTypes?: ContentTypes;
  readonly errorDetail: ErrorDetail;
  /** Accounts that the policy names. If the tenant has published names, these accounts are hidden from its callers. */
  readonly accounts: ReadonlySet<string>;
  /** JSON pointers to the parts of the document that could not be read. */
  readonly unreadable: readonly string[];
}

/** A fault in a policy: its path in the document, and a sentence that says what is wrong. */
export interface PolicyFault {
  readonly path: readonly (string | number)[];
  readonly problem: string;
}

/** Parses the target of a published name: the name or full ARN of a function, with or without a qualifier. */
export function parsePublishedTarget(text: string): Result<PublishedTarget, string> {
  const parsed = parseFunctionName(text, INVOKE_LIMITS.maxFunctionNameLength);
  const problem = 'must be a function name or a full function ARN, optionally followed by a version or alias';
  if (!parsed.ok || isOnlyDots(parsed.value.name)) return err(problem);
  const { region, account } = parsed.value;
  if (text.startsWith('arn:')) {
    const known = partitionOf(region ?? '');
    if (account === undefined || known === undefined) return err('must spell out a region that exists and the account');
    if (!text.startsWith(`arn:${known.name}:`)) return err(`must begin with arn:${known.name}: for ${region}`);
  } else if (region !== undefined || account !== undefined) return err(problem);
  return ok(parsed.value);
}

/**
 * Compiles a stored policy. Fails closed: a rule of `allow` that cannot be read allows nothing, and a rule of `deny` that
 * cannot be read denies everything. `unreadable` lists the parts that cannot be read.
 */
export function compilePolicy(document: PolicyDocument): Policy {
  const { maxPresignedSeconds, corsOrigins = [], publish = {}, contentTypes } = document;
  const unreadable: string[] = [];
  const note = <T>(pointer: string, value: T | undefined): T | undefined => {
    if (value === undefined) unreadable.push(pointer);
    return value;
  };
  const deny = (document.deny ?? []).map(
    (rule, index) => note(`/deny/${index}`, compileSelector(rule, index)) ?? { index, function: { name: '*' } },
  );
  const allow = document.allow.flatMap((rule, index) => {
    const compiled = note(`/allow/${index}`, compileAllowRule(rule, index));
    return compiled ? [compiled] : [];
  });
  const published = Object.entries(publish).map(([name, text]) => {
    const target = parsePublishedTarget(text);
    return [name, note(`/publish/${name}`, target.ok ? target.value : undefined)] as const;
  });
  const places = [...deny, ...allow].map((rule) => rule.function.place?.account);
  const accounts = [...places, ...published.map(([, target]) => target?.account)];
  return {
    ...(maxPresignedSeconds !== undefined && { maxPresignedSeconds }),
    ...(contentTypes !== undefined && { contentTypes }),
    errorDetail: document.errorDetail ?? 'full',
    corsOrigins,
    publish: new Map(published),
    publishedOnly: document.publishedOnly === true,
    deny,
    allow,
    accounts: new Set(accounts.flatMap((account) => account ?? [])),
    unreadable,
  };
}

function compileAllowRule(rule: AllowRuleDocument, index: number): AllowRule | undefined {
  const selector = compileSelector(rule, index);
  return (
    selector && {
      ...selector,
      logTail: rule.logTail === true,
      clientContext: rule.clientContext !== false,
      maxPayloadBytes: rule.maxPayloadBytes ?? Number.POSITIVE_INFINITY,
      ...(rule.tenantId === 'caller' && { tenantId: rule.tenantId }),
      ...(rule.durableNames !== undefined && { durableNames: rule.durableNames }),
    }
  );
}

/** Compiles a selector. Undefined if any part of the rule cannot be read: in `deny`, that part could be decisive. */
function compileSelector(rule: SelectorDocument, index: number): Selector | undefined {
  if (typeof rule?.function !== 'string') return undefined;
  const pattern = parseFunctionPattern(rule.function);
  if (!pattern.ok) return undefined;
  const { qualifiers, types } = rule;
  if (qualifiers !== undefined && !isListOf(qualifiers, isQualifier)) return undefined;
  if (types !== undefined && !isListOf(types, (type) => (RULE_TYPES as readonly unknown[]).includes(type))) {
    return undefined;
  }
  return {
    index,
    function: pattern.value,
    ...(qualifiers !== undefined && { qualifiers }),
    ...(types !== undefined && { types }),
  };
}

const isListOf = (list: readonly unknown[], is: (one: unknown) => boolean) => Array.isArray(list) && list.every(is);

/** True if a rule may name `text` as a qualifier. */
export const isQualifier = (text: unknown): boolean => {
  const parsed = typeof text === 'string' ? parseQualifier(text) : err(undefined);
  return parsed.ok && parsed.value !== undefined;
};
