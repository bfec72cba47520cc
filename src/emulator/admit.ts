import { functionArn } from './arn.ts';
import { type Credentials, type SignedRequest, verifySignature } from './auth/verify-signature.ts';
import type { Catalog } from './catalog.ts';
import type { Target } from './execution/target.ts';
import { refuse } from './refusal.ts';
import { type Arguments, parseArguments } from './request/arguments.ts';
import type { Body } from './request/body.ts';
import { checkPayload } from './request/payload.ts';
import { err, ok, type Result } from './result.ts';
import { type Operation, routeOf } from './route.ts';

/** The account, credentials, functions and clock that decide on a call. */
export interface Rules {
  readonly accountId: string;
  readonly credentials: Credentials;
  readonly catalog: Catalog;
  readonly now: () => number;
}

/** A call that may run. */
export interface Admitted {
  readonly operation: Operation;
  readonly arguments: Arguments;
  readonly payload: Uint8Array<ArrayBuffer>;
  readonly target: Target;
  /** The function's ARN, with the qualifier that the caller used. */
  readonly invokedFunctionArn: string;
}

/** The version that each qualifier runs. The key `undefined` is for a call without a qualifier. */
const versions = new Map([
  [undefined, '$LATEST'],
  ['$LATEST', '$LATEST'],
  ['1', '1'],
  ['2', '2'],
  ['live', '2'],
]);

/** Decides whether a call may run. Checks in this order: route, signature, arguments, payload, region, account, function. */
export function admit(rules: Rules, request: Omit<SignedRequest, 'bodySha256'>, body: Body): Result<Admitted> {
  const route = routeOf(request.method, request.path);
  if (!route) return err(refuse.route());

  const proof = verifySignature({ ...request, bodySha256: body.sha256 }, rules.credentials, rules.now());
  if (!proof.ok) return proof;
  const { region } = proof.value;

  const parsed = parseArguments(route, request.query, request.headers);
  if (!parsed.ok) return parsed;
  const { name, qualifier, invocationType } = parsed.value;
  const payload = checkPayload(body, route.operation, invocationType);
  if (!payload.ok) return payload;

  if (name.region !== undefined && name.region !== region) {
    return err(refuse.missing(`Functions from '${name.region}' are not reachable in this region ('${region}')`));
  }
  const accountId = name.accountId ?? rules.accountId;
  const invokedFunctionArn = functionArn(region, accountId, name.name, qualifier);
  if (accountId !== rules.accountId) return err(refuse.access(deniedMessage(rules.accountId, invokedFunctionArn)));

  const code = rules.catalog.find(name.name);
  const version = versions.get(qualifier);
  if (!code || version === undefined) {
    const missing = functionArn(region, accountId, name.name, qualifier ?? '$LATEST');
    return err(refuse.missing(`Function not found: ${missing}`));
  }
  return ok({
    operation: route.operation,
    arguments: parsed.value,
    payload: payload.value,
    target: { code, version, region },
    invokedFunctionArn,
  });
}

/** The message for a function of another account. On AWS, that account's policy decides; the emulator always denies. */
function deniedMessage(callerAccountId: string, arn: string): string {
  const caller = `arn:aws:iam::${callerAccountId}:user/postern`;
  const action = 'lambda:InvokeFunction';
  const refusal = `User: ${caller} is not authorized to perform: ${action} on resource: ${arn}`;
  return `${refusal} because no resource-based policy allows the ${action} action`;
}
