import { findDeadRules } from './find-dead-rules.ts';
import { parseFunctionPattern } from './pattern.ts';
import {
  compilePolicy,
  isQualifier,
  type PolicyDocument,
  type PolicyFault,
  parsePublishedTarget,
  type SelectorDocument,
} from './policy.ts';

const PUBLISHED_NAME = /^[a-zA-Z0-9\-_]{1,64}$/;

/** Finds every fault in a policy that already has the right shape. Looks for dead rules only if it finds no other fault. */
export function findPolicyFaults(document: PolicyDocument): PolicyFault[] {
  const { allow, deny = [], publish = {} } = document;
  const faults = [
    ...allow.flatMap((rule, index) => findSelectorFaults(rule, ['allow', index])),
    ...deny.flatMap((rule, index) => findSelectorFaults(rule, ['deny', index])),
  ];
  for (const [name, text] of Object.entries(publish)) {
    const path = ['publish', name];
    if (!PUBLISHED_NAME.test(name)) {
      faults.push({ path, problem: "must be named with 1 to 64 letters, digits, '-' and '_'" });
    }
    const target = parsePublishedTarget(text);
    if (!target.ok) faults.push({ path, problem: target.error });
  }
  return faults.length > 0 ? faults : findDeadRules(compilePolicy(document));
}

function findSelectorFaults(rule: SelectorDocument, path: readonly (string | number)[]): PolicyFault[] {
  const faults: PolicyFault[] = [];
  const pattern = parseFunctionPattern(rule.function);
  if (!pattern.ok) faults.push({ path: [...path, 'function'], problem: pattern.error });
  rule.qualifiers?.forEach((qualifier, at) => {
    if (!isQualifier(qualifier)) {
      const problem = "must be a version, an alias, '$LATEST' or '$LATEST.PUBLISHED', of at most 128 characters";
      faults.push({ path: [...path, 'qualifiers', at], problem });
    }
  });
  return faults;
}
