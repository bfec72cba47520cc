import { parseQualifier } from '../invoke/qualifier.ts';
import { INVOCATION_TYPES, type InvocationType } from '../invoke/types.ts';
import { type FunctionPattern, parseFunctionPattern } from './pattern.ts';

/** One entry of `policy.allow` as the operator writes it; the admin API checks its shape. */
export interface AllowRuleDocument {
  readonly function: string;
  readonly qualifiers?: readonly string[] | undefined;
  readonly types?: readonly InvocationType[] | undefined;
  readonly logTail?: boolean | undefined;
  readonly tenantId?: 'caller' | undefined;
}

/** A tenant's policy as the operator writes it. */
export interface PolicyDocument {
  readonly allow: readonly AllowRuleDocument[];
  /** Seconds that a presigned request may live at the most; absent: AWS's own limit, seven days. */
  readonly maxPresignedSeconds?: number | undefined;
}

/** One rule, ready to decide. */
export interface AllowRule {
  readonly function: FunctionPattern;
  /** Versions and aliases that may be called; `$LATEST` also stands for none given. Absent: all. */
  readonly qualifiers?: readonly string[];
  /** Absent: all. */
  readonly types?: readonly InvocationType[];
  /** Whether the caller may ask for the execution log. Off unless said: logs tell more than answers. */
  readonly logTail: boolean;
  /** `caller`: the caller may choose X-Amz-Tenant-Id. */
  readonly tenantId?: 'caller';
}

/** A tenant's policy, ready to decide. Without a rule it allows nothing. */
export interface Policy {
  readonly allow: readonly AllowRule[];
  readonly maxPresignedSeconds?: number;
}

/** What is wrong with a policy: where (a path into the document) and a sentence. */
export interface PolicyFault {
  readonly path: readonly (string | number)[];
  readonly problem: string;
}

/** Finds everything that is wrong with a policy whose shape is already right. */
export function findPolicyFaults(document: PolicyDocument): PolicyFault[] {
  return document.allow.flatMap((rule, index) => {
    const faults: PolicyFault[] = [];
    const pattern = parseFunctionPattern(rule.function);
    if (!pattern.ok) faults.push({ path: ['allow', index, 'function'], problem: pattern.error });
    rule.qualifiers?.forEach((qualifier, at) => {
      const parsed = parseQualifier(qualifier);
      if (!parsed.ok || parsed.value === undefined) {
        const problem = "must be a version, an alias, '$LATEST' or '$LATEST.PUBLISHED', of at most 128 characters";
        faults.push({ path: ['allow', index, 'qualifiers', at], problem });
      }
    });
    return faults;
  });
}

/** Makes a stored policy ready to decide. A rule that cannot be read allows nothing: fails closed. */
export function compilePolicy(document: PolicyDocument): Policy {
  const { maxPresignedSeconds } = document;
  return {
    ...(maxPresignedSeconds !== undefined && { maxPresignedSeconds }),
    allow: document.allow.flatMap(({ function: text, qualifiers, types, logTail, tenantId }) => {
      const pattern = parseFunctionPattern(text);
      if (!pattern.ok) return [];
      return {
        function: pattern.value,
        ...(qualifiers !== undefined && { qualifiers }),
        ...(types !== undefined && { types: types.filter((type) => INVOCATION_TYPES.includes(type)) }),
        logTail: logTail === true,
        ...(tenantId === 'caller' && { tenantId }),
      };
    }),
  };
}
