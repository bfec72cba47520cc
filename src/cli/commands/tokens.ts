import { type Command, Option } from 'commander';
import { TOKEN_OPERATIONS } from '../../admin/tokens/operations.ts';
import { ADMIN_ACCESSES } from '../../core/identity/admin-tokens.ts';
import { type OperatorFlags, withConnection } from '../operator/connection.ts';
import { openOperator } from '../operator/open-operator.ts';
import { parseExpiry } from '../operator/parse-expiry.ts';
import { layOut } from '../terminal/table.ts';

/** Adds `postern tokens`, which manages admin tokens for other operators of the gateway. */
export function tokensCommand(program: Command): void {
  const tokens = program
    .command('tokens')
    .description('list, create and revoke admin tokens, one for each person or job');
  const add = (usage: string, description: string, ...examples: readonly string[]) =>
    withConnection(tokens.command(usage))
      .description(description)
      .option('--json', 'print JSON')
      .addHelpText('after', `\nExamples:\n${examples.map((line) => `  $ postern tokens ${line}`).join('\n')}`);

  add('list', 'list the admin tokens, without secrets', 'list', 'list --json').action(list);
  add(
    'create <name>',
    'create an admin token and print it once; its name appears in the audit trail',
    'create grafana --access read',
    'create deploy --access full --expires 90d --json',
  )
    .addOption(
      new Option('--access <access>', 'full, or read (can change nothing)')
        .choices(ADMIN_ACCESSES)
        .makeOptionMandatory(),
    )
    .option('--expires <when>', 'a duration such as 30d, or a date and time with an offset', parseExpiry)
    .action(create);
  add('revoke <id>', 'revoke an admin token', 'revoke a1_...').action(revoke);
}

async function list(flags: OperatorFlags): Promise<void> {
  const { body } = await (await openOperator(flags)).call(TOKEN_OPERATIONS.listAdminTokens, {});
  if (flags.json) {
    console.log(JSON.stringify(body));
    return;
  }
  const rows = body.adminTokens.map((token) => [
    token.id,
    token.name,
    token.access,
    token.createdAt,
    token.expiresAt ?? 'never',
  ]);
  console.log(layOut([['ID', 'NAME', 'ACCESS', 'CREATED', 'EXPIRES'], ...rows]));
}

async function create(
  name: string,
  flags: OperatorFlags & { readonly access: string; readonly expires?: string },
): Promise<void> {
  const operator = await openOperator(flags);
  const document = {
    name,
    access: flags.access,
    ...(flags.expires !== undefined && { expiresAt: flags.expires }),
  };
  const { body } = await operator.call(TOKEN_OPERATIONS.createAdminToken, {}, { body: document });
  if (flags.json) {
    console.log(JSON.stringify(body));
    return;
  }
  console.log(body.token);
  console.error(`Save the token of ${body.name} (${body.id}, ${body.access}) now: it cannot be shown again.`);
}

async function revoke(id: string, flags: OperatorFlags): Promise<void> {
  await (await openOperator(flags)).call(TOKEN_OPERATIONS.revokeAdminToken, { adminTokenId: id });
  console.log(flags.json ? JSON.stringify({ revoked: id }) : `${id} is revoked`);
}
