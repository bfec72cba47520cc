import { type Command, InvalidArgumentError } from 'commander';
import { AUDIT_OPERATIONS } from '../../admin/audit/operations.ts';
import { type OperatorFlags, withConnection } from '../operator/connection.ts';
import { findTenant } from '../operator/find-tenant.ts';
import { openOperator } from '../operator/open-operator.ts';

interface AuditFlags extends OperatorFlags {
  readonly limit?: number;
}

/** Adds `postern audit`, which shows who changed what, and when. */
export function auditCommand(program: Command): void {
  withConnection(program.command('audit [tenant]'))
    .description(
      'show every change to a tenant and its keys: who, when, from what, to what; without a tenant: changes to admin tokens, and tenants created and deleted',
    )
    .option('--limit <n>', 'show at most this many entries', parseLimit)
    .option('--json', 'print one line of JSON for each entry')
    .addHelpText(
      'after',
      `
Examples:
  $ postern audit Acme --limit 20
  $ postern audit Acme --json > acme-audit.jsonl
  $ postern audit`,
    )
    .action(audit);
}

function parseLimit(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('must be a whole number, 1 or more');
  return Number(text);
}

async function audit(named: string | undefined, flags: AuditFlags): Promise<void> {
  const operator = await openOperator(flags);
  const { readAudit, readGatewayAudit } = AUDIT_OPERATIONS;
  const entries =
    named === undefined
      ? await operator.list(readGatewayAudit, {}, 'entries', flags.limit)
      : await operator.list(readAudit, { tenantId: await findTenant(operator, named) }, 'entries', flags.limit);
  for (const entry of entries) {
    const { id: _id, at, actor, actorId, action, ...detail } = entry;
    // An older gateway does not send `actorId`.
    const who = actorId == null ? actor : `${actor} (${actorId})`;
    console.log(flags.json ? JSON.stringify(entry) : `${at}  ${who}  ${action}  ${JSON.stringify(detail)}`);
  }
}
