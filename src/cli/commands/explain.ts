import { type Command, Option } from 'commander';
import { EXPLAIN_OPERATIONS } from '../../admin/explain/operations.ts';
import type { Explanation } from '../../admin/explain/schema.ts';
import { TENANT_OPERATIONS } from '../../admin/tenants/operations.ts';
import type { TenantResponse } from '../../admin/tenants/schema.ts';
import { INVOCATION_TYPES, LOG_TYPES, type Operation } from '../../core/invoke/types.ts';
import { type OperatorFlags, withConnection } from '../operator/connection.ts';
import { findTenant } from '../operator/find-tenant.ts';
import { openOperator } from '../operator/open-operator.ts';
import { parseCount } from '../operator/tenant-flags.ts';
import { EXIT } from '../terminal/exit.ts';
import { paint } from '../terminal/paint.ts';

const OPERATIONS = ['Invoke', 'InvokeWithResponseStream', 'InvokeAsync'] as const satisfies readonly Operation[];

interface ExplainFlags extends OperatorFlags {
  readonly qualifier?: string;
  readonly type?: string;
  readonly operation?: string;
  readonly logType?: string;
  readonly clientContext?: boolean;
  readonly payloadBytes?: number;
  readonly tenantId?: string;
  readonly durableExecutionName?: string;
  readonly ip?: string;
  readonly origin?: string;
  readonly keyId?: string;
  readonly presignedSeconds?: number;
}

/** Adds `postern explain`, which shows how the gateway would decide on a call. */
export function explainCommand(program: Command): void {
  withConnection(program.command('explain <tenant> <function>'))
    .description('show whether a tenant may make a call, and which rule decides; the exit code is 4 if it may not')
    .option('--qualifier <qualifier>', 'a version or an alias')
    .addOption(new Option('--type <type>', 'the invocation type').choices(INVOCATION_TYPES))
    .addOption(new Option('--operation <operation>', 'the operation; default: Invoke').choices(OPERATIONS))
    .addOption(new Option('--log-type <type>', 'the log type').choices(LOG_TYPES))
    .option('--client-context', 'with a client context')
    .option('--payload-bytes <n>', 'with a payload of this many bytes', parseCount)
    .option('--tenant-id <id>', 'with this X-Amz-Tenant-Id')
    .option('--durable-execution-name <name>', 'with this X-Amz-Durable-Execution-Name')
    .option('--ip <address>', 'from this address')
    .option('--origin <origin>', 'from a web page of this origin, such as https://app.example.com')
    .option('--key-id <id>', 'with the key of this id')
    .option('--presigned-seconds <n>', 'as a presigned request that lives for this many seconds', parseCount)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ postern explain Acme orders-list --qualifier live
  $ postern explain Acme orders-list --type Event --ip 203.0.113.7 --json`,
    )
    .action(explain);
}

async function explain(named: string, name: string, flags: ExplainFlags): Promise<void> {
  const operator = await openOperator(flags);
  const { url: _url, profile: _profile, json, ...call } = flags;
  const tenantId = await findTenant(operator, named);
  const planned = { function: name, ...call };
  const { body } = await operator.call(EXPLAIN_OPERATIONS.explainCall, { tenantId }, { body: planned });
  if (json) console.log(JSON.stringify(body));
  else {
    const isMissingRule = body.reason === 'function-not-allowed' && body.rule === null;
    const tenant = isMissingRule && (await operator.call(TENANT_OPERATIONS.readTenant, { tenantId })).body;
    const remedy = tenant ? showRemedy(tenant, name, body) : [];
    console.log([...showExplanation(name, body), ...remedy].join('\n'));
  }
  if (!body.allowed) process.exitCode = EXIT.refused;
}

function showExplanation(
  name: string,
  { allowed, reason, message, rule, target, conditions, warnings }: Explanation,
): string[] {
  const by = rule ? ` by #/policy/${rule.list}/${rule.index}` : '';
  const why = reason === 'function-not-allowed' && rule === null ? `: no rule allows ${name}` : by;
  return [
    allowed ? paint('green', `allowed${by}`) : paint('red', `refused (${reason})${why}`),
    ...(target === null ? [] : [allowed ? `would call ${target}` : `would not call ${target}`]),
    ...(message === null ? [] : [message]),
    ...(allowed ? conditions : []),
    ...warnings.map((warning) => paint('yellow', `warning: ${warning}`)),
  ];
}

/** The command that adds a rule for the function. `--allow` replaces all rules, so the command repeats existing rules. */
function showRemedy({ id, policy }: TenantResponse, name: string, { target }: Explanation): string[] {
  // With `publishedOnly`, the tenant needs a published name, not a rule.
  if (target === null || policy.publishedOnly) return [];
  const [bare = ''] = name.split(':');
  const isOwn = name.split(':').length <= 2 && !Object.hasOwn(policy.publish ?? {}, bare);
  const pattern = isOwn ? bare : target.split(':').slice(0, 7).join(':');
  const patterns = new Set([...(policy.allow ?? []).map((rule) => rule.function), pattern]);
  const words = [...patterns].map((word) => (/^[\w:-]+$/.test(word) ? word : `'${word}'`));
  return ['To allow it, and keep the rules that exist:', `  postern tenants update ${id} --allow ${words.join(' ')}`];
}
