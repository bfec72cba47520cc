import { parseQuery } from '../query.ts';
import { refuse } from '../refusal.ts';
import { err, ok, type Result } from '../result.ts';
import type { Operation, Route } from '../route.ts';
import { headerValue, type WireHeaders } from '../wire-headers.ts';
import { parseClientContext } from './client-context.ts';
import { type FunctionName, functionNamePattern, parseFunctionName, qualifierPattern } from './function-name.ts';

/** How the caller wants the function to run. */
export type InvocationType = 'RequestResponse' | 'Event' | 'DryRun';

/** The valid arguments of a call, without the payload. */
export interface Arguments {
  readonly name: FunctionName;
  /** The qualifier from the function name or the query. Undefined for a call without a qualifier. */
  readonly qualifier: string | undefined;
  readonly invocationType: InvocationType;
  readonly tail: boolean;
  /** JSON text. Undefined if the call has no client context. */
  readonly clientContext: string | undefined;
  readonly tenantId: string | undefined;
}

/** The allowed types, in the order in which the service's error lists them (recorded; a Java hash order). */
const invocationTypes: Record<Exclude<Operation, 'InvokeAsync'>, readonly InvocationType[]> = {
  Invoke: ['DryRun', 'RequestResponse', 'Event'],
  InvokeWithResponseStream: ['DryRun', 'RequestResponse'],
};

/** The rules for headers that have a pattern in the API model (2026-07). */
const tenantIdRule = { min: 1, max: 256, pattern: String.raw`[a-zA-Z0-9\._:\/=+\-@ ]+` };
const durableNameRule = { min: 1, max: 64, pattern: '[a-zA-Z0-9-_]+' };

/** Reads and checks every argument of a call. One answer lists all validation errors, as on Lambda. */
export function parseArguments(route: Route, query: string, headers: WireHeaders): Result<Arguments> {
  const faults: string[] = [];
  const check = (member: string, value: string | undefined, rule: Rule) => {
    if (value !== undefined) faults.push(...ruleFaults(member, value, rule));
  };
  const choose = <T extends string>(member: string, header: string, allowed: readonly T[]): T | undefined => {
    const value = headerValue(headers, header);
    const chosen = allowed.find((one) => one === value);
    if (value !== undefined && chosen === undefined) {
      faults.push(fault(member, value, `Member must satisfy enum value set: [${allowed.join(', ')}]`));
    }
    return chosen;
  };

  const { functionName, operation } = route;
  const modelled = operation !== 'InvokeAsync';
  const qualifier = modelled ? queryValue(query, 'Qualifier') : undefined;
  const tenantId = modelled ? headerValue(headers, 'x-amz-tenant-id') : undefined;
  check('functionName', functionName, { min: 1, max: 256, pattern: functionNamePattern });
  check('qualifier', qualifier, { min: 1, max: 128, pattern: qualifierPattern });
  const invocationType = modelled
    ? choose('invocationType', 'x-amz-invocation-type', invocationTypes[operation])
    : 'Event';
  const logType = modelled ? choose('logType', 'x-amz-log-type', ['None', 'Tail']) : undefined;
  check('tenantId', tenantId, tenantIdRule);
  if (operation === 'Invoke') {
    check('durableExecutionName', headerValue(headers, 'x-amz-durable-execution-name'), durableNameRule);
  }

  const name = parseFunctionName(functionName);
  if (!name || faults.length > 0) return err(refuse.arguments(faults));
  if (name.qualifier !== undefined && qualifier !== undefined && name.qualifier !== qualifier) {
    const message = 'The derived qualifier from the function name does not match the specified qualifier.';
    return err(refuse.caller(400, 'InvalidParameterValueException', message));
  }
  const clientContext = modelled ? parseClientContext(headerValue(headers, 'x-amz-client-context')) : ok(undefined);
  if (!clientContext.ok) return clientContext;

  return ok({
    name,
    qualifier: name.qualifier ?? qualifier,
    invocationType: invocationType ?? 'RequestResponse',
    tail: logType === 'Tail',
    clientContext: clientContext.value,
    tenantId,
  });
}

interface Rule {
  readonly min: number;
  readonly max: number;
  readonly pattern: string;
}

function ruleFaults(member: string, value: string, rule: Rule): string[] {
  const broken: string[] = [];
  if (!new RegExp(`^(?:${rule.pattern})$`).test(value)) {
    broken.push(`Member must satisfy regular expression pattern: ${rule.pattern}`);
  }
  if (value.length < rule.min) broken.push(`Member must have length greater than or equal to ${rule.min}`);
  if (value.length > rule.max) broken.push(`Member must have length less than or equal to ${rule.max}`);
  return broken.map((constraint) => fault(member, value, constraint));
}

function fault(member: string, value: string, constraint: string): string {
  return `Value '${value}' at '${member}' failed to satisfy constraint: ${constraint}`;
}

function queryValue(query: string, name: string): string | undefined {
  const value = parseQuery(query).find(([key]) => key === name)?.[1];
  return value === undefined ? undefined : Buffer.from(value, 'latin1').toString();
}
