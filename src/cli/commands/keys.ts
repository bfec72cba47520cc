import { type Command, Option } from 'commander';
import { KEY_OPERATIONS } from '../../admin/keys/operations.ts';
import { DEFAULT_GRACE_SECONDS, type NewKey } from '../../admin/keys/schema.ts';
import { type OperatorFlags, withConnection } from '../operator/connection.ts';
import { parseDurationSeconds } from '../operator/duration.ts';
import { findTenant } from '../operator/find-tenant.ts';
import { openOperator } from '../operator/open-operator.ts';
import { parseExpiry } from '../operator/parse-expiry.ts';
import { usageError } from '../terminal/exit.ts';
import { paint } from '../terminal/paint.ts';
import { suggestOption } from '../terminal/suggest.ts';
import { layOut } from '../terminal/table.ts';

/** Adds `postern keys`. Secrets are printed once, when a key is created. */
export function keysCommand(program: Command): void {
  const keys = program.command('keys').description("list, create, rotate and revoke a tenant's keys");
  const add = (usage: string, description: string, ...examples: readonly string[]) =>
    withConnection(keys.command(usage))
      .description(description)
      .option('--json', 'print JSON')
      .addHelpText('after', `\nExamples:\n${examples.map((line) => `  $ postern keys ${line}`).join('\n')}`);

  add('list <tenant>', 'list keys, without secrets; expired ones are marked', 'list Acme', 'list Acme --json').action(
    list,
  );
  suggestOption(
    add(
      'create <tenant>',
      'create a key, and print its secrets once',
      'create Acme --name production',
      'create Acme --name trial --expires 30d --json',
    ),
    '--name',
  )
    .option('--name <name>', 'a label that tells people what the key is for')
    .option('--expires <when>', 'a duration such as 30d, or a date and time with an offset', parseExpiry)
    .action(create);
  add(
    'rotate <tenant> <key>',
    'replace a key; the old one keeps working for the grace period',
    'rotate Acme k1_... --grace 24h',
    'rotate Acme k1_... --grace 0s --json',
  )
    .addOption(
      new Option('--grace <duration>', 'how long the old key keeps working')
        .argParser(parseDurationSeconds)
        .default(DEFAULT_GRACE_SECONDS, '1h'),
    )
    .action(rotate);
  add(
    'revoke <tenant> <key>',
    'revoke a key; calls with it are refused everywhere within 5 seconds',
    'revoke Acme k1_...',
  ).action(revoke);
}

/** Checks that the text is the id of a key. Proxies log URLs, so a secret given by mistake must never enter a URL. */
function checkKeyId(text: string): void {
  if (/^k\d+_\w+$/.test(text)) return;
  throw usageError('give the id of a key, k1_..., as `postern keys list` shows it');
}

async function list(named: string, flags: OperatorFlags): Promise<void> {
  const operator = await openOperator(flags);
  const keys = await operator.list(KEY_OPERATIONS.listKeys, { tenantId: await findTenant(operator, named) }, 'keys');
  if (flags.json) {
    console.log(JSON.stringify({ keys }));
    return;
  }
  // An older gateway does not say when a key was last used.
  const hasUse = keys.some(({ lastUsedAt }) => lastUsedAt !== undefined);
  const rows = keys.map(({ id, name, createdAt, expiresAt, lastUsedAt }) => [
    id,
    name,
    createdAt,
    showExpiry(expiresAt),
    ...(hasUse ? [lastUsedAt ?? 'never'] : []),
  ]);
  console.log(layOut([['ID', 'NAME', 'CREATED', 'EXPIRES', ...(hasUse ? ['LAST USED'] : [])], ...rows]));
}

/** An expired key stays in the list for 30 days, so that its caller gets `key-expired` as the reason. */
const showExpiry = (expiresAt: string | null): string => {
  if (expiresAt === null) return 'never';
  return Date.parse(expiresAt) <= Date.now() ? paint('yellow', `${expiresAt} (expired)`) : expiresAt;
};

async function create(named: string, flags: OperatorFlags & { readonly name?: string; readonly expires?: string }) {
  const operator = await openOperator(flags);
  const document = {
    ...(flags.name !== undefined && { name: flags.name }),
    ...(flags.expires !== undefined && { expiresAt: flags.expires }),
  };
  const tenantId = await findTenant(operator, named);
  showNew((await operator.call(KEY_OPERATIONS.createKey, { tenantId }, { body: document })).body, flags);
}

async function rotate(named: string, keyId: string, flags: OperatorFlags & { readonly grace: number }) {
  const operator = await openOperator(flags);
  checkKeyId(keyId);
  const params = { tenantId: await findTenant(operator, named), keyId };
  const { body } = await operator.call(KEY_OPERATIONS.rotateKey, params, { body: { graceSeconds: flags.grace } });
  showNew(body, flags);
  if (!flags.json)
    console.error(`${keyId} keeps working for ${flags.grace === 1 ? '1 more second' : `${flags.grace} more seconds`}.`);
}

function showNew(key: NewKey, { json }: OperatorFlags): void {
  if (json) {
    console.log(JSON.stringify(key));
    return;
  }
  const { apiKey, accessKeyId, secretAccessKey, expiresAt } = key;
  console.log(
    layOut([
      ['apiKey', apiKey],
      ['accessKeyId', accessKeyId],
      ['secretAccessKey', secretAccessKey],
      ['expiresAt', expiresAt ?? 'never'],
    ]),
  );
  console.error('Save the secrets now: they are not stored and cannot be shown again.');
}

async function revoke(named: string, keyId: string, flags: OperatorFlags): Promise<void> {
  const operator = await openOperator(flags);
  checkKeyId(keyId);
  await operator.call(KEY_OPERATIONS.revokeKey, { tenantId: await findTenant(operator, named), keyId });
  console.log(
    flags.json
      ? JSON.stringify({ revoked: keyId })
      : `${keyId} is revoked; calls with it are refused everywhere within 5 seconds`,
  );
}
