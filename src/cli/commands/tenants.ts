import type { Command } from 'commander';
import { stringify } from 'yaml';
import { TENANT_OPERATIONS } from '../../admin/tenants/operations.ts';
import type { TenantResponse } from '../../admin/tenants/schema.ts';
import { findChanges } from '../../document/changes.ts';
import { type JsonObject, toJson } from '../../document/json.ts';
import { combinePatches, mergePatch } from '../../document/merge-patch.ts';
import { CreateTenant, PatchTenant } from '../../document/tenant.ts';
import { readFile } from '../declare/read-file.ts';
import { showChange } from '../declare/show-plan.ts';
import { type OperatorFlags, withConnection } from '../operator/connection.ts';
import { findTenant, warnOfSharedName } from '../operator/find-tenant.ts';
import { openOperator } from '../operator/open-operator.ts';
import {
  type Present,
  parseCount,
  type TenantFlags,
  tenantPatch,
  withTenantOptions,
} from '../operator/tenant-flags.ts';
import { confirm } from '../terminal/confirm.ts';
import { usageError } from '../terminal/exit.ts';
import { paint } from '../terminal/paint.ts';
import { suggestOption } from '../terminal/suggest.ts';
import { layOut } from '../terminal/table.ts';

interface WriteFlags extends OperatorFlags, TenantFlags {
  readonly file?: string;
}

/** Adds `postern tenants`, whose commands accept a tenant's id or name. */
export function tenantsCommand(program: Command): void {
  const tenants = program.command('tenants').description('list, show, create, change, suspend and delete tenants');
  const add = (usage: string, description: string, ...examples: readonly string[]) =>
    withConnection(tenants.command(usage))
      .description(description)
      .option('--json', 'print JSON')
      .addHelpText(
        'after',
        `\nExamples:\n${examples.map((line) => `  $ ${line.startsWith('echo ') ? line : `postern tenants ${line}`}`).join('\n')}`,
      );

  add('list', 'list tenants, oldest first', 'list', "list --json | jq -r '.tenants[].id'").action(list);
  add('get <tenant>', 'show a tenant', 'get Acme', 'get Acme --json').action(get);
  suggestOption(
    withTenantOptions(
      add(
        'create',
        'create a tenant; it may call nothing until a rule allows it',
        "create --name Acme --allow 'orders-*' --region eu-west-1 --rate 50:100 --quota day=10000",
        'create --file acme.yaml',
        'create --file - --name "Acme (test)" < acme.json',
      ),
    ),
    '--name',
  )
    .option('-f, --file <path>', 'the tenant as YAML or JSON; - is standard input; options override it')
    .action(create);
  withTenantOptions(
    add(
      'update <tenant>',
      'change the fields given and keep the others; takes effect everywhere within 5 seconds',
      'update Acme --rate 100:200',
      "update Acme --allow 'orders-*' 'invoices-*'",
      'echo \'{"limits": {"quotas": null}}\' | postern tenants update Acme --file -',
    ),
  )
    .option(
      '-f, --file <path>',
      'a JSON merge patch (RFC 7396) as YAML or JSON; - is standard input; options override it',
    )
    .option('--if-version <n>', 'change it only if it still has this version', parseCount)
    .action(update);
  add('suspend <tenant>', 'refuse all calls of a tenant, everywhere within 5 seconds', 'suspend Acme').action(
    setStatus('suspended'),
  );
  add('resume <tenant>', 'serve the calls of a tenant again', 'resume Acme').action(setStatus('active'));
  add('delete <tenant>', 'delete a tenant and all its keys', 'delete Acme', 'delete Acme --yes')
    .option('--yes', 'delete without asking')
    .action(remove);
}

async function list(flags: OperatorFlags): Promise<void> {
  const tenants = await (await openOperator(flags)).list(TENANT_OPERATIONS.listTenants, {}, 'tenants');
  if (flags.json) {
    console.log(JSON.stringify({ tenants }));
    return;
  }
  const rows = tenants.map(({ id, name, status, createdAt }) => [id, name, paintStatus(status), createdAt]);
  console.log(layOut([['ID', 'NAME', 'STATUS', 'CREATED'], ...rows]));
}

const paintStatus = (status: string): string => (status === 'active' ? status : paint('yellow', status));

async function get(named: string, flags: OperatorFlags): Promise<void> {
  const operator = await openOperator(flags);
  const tenantId = await findTenant(operator, named);
  show((await operator.call(TENANT_OPERATIONS.readTenant, { tenantId })).body, flags);
}

/** Prints a tenant as JSON with `--json`, otherwise as YAML, which people can read and `--file` accepts. */
function show(tenant: TenantResponse, { json }: OperatorFlags): void {
  console.log(json ? JSON.stringify(tenant) : stringify(tenant).trimEnd());
}

async function create(flags: WriteFlags): Promise<void> {
  const operator = await openOperator(flags);
  // Check the file with the admin API's schema, so that each mistake is reported with its line.
  const fromFile =
    flags.file === undefined ? {} : await readFile(flags.file, flags.name === undefined ? CreateTenant : PatchTenant);
  const document = mergePatch(fromFile, tenantPatch(flags)) as { name?: unknown };
  if (document.name === undefined) throw usageError('a tenant needs a name: give --name, or a file with one');
  const { body } = await operator.call(TENANT_OPERATIONS.createTenant, {}, { body: document });
  show(body, flags);
  await warnOfSharedName(operator, body);
}

async function update(named: string, flags: WriteFlags & { readonly ifVersion?: number }): Promise<void> {
  const operator = await openOperator(flags);
  const fromFile = flags.file === undefined ? {} : toJson(await readFile(flags.file, PatchTenant));
  if (Object.keys(combinePatches(fromFile, toJson(tenantPatch(flags)))).length === 0) {
    throw usageError('nothing to change: give --file or an option (see --help)');
  }
  const tenantId = await findTenant(operator, named);
  const { body, etag } = await operator.call(TENANT_OPERATIONS.readTenant, { tenantId });
  const before = toJson(body);
  const patch = combinePatches(fromFile, toJson(tenantPatch(flags, mergePatch(before, fromFile) as Present)));
  const changes = findChanges(before, mergePatch(before, patch) as JsonObject, 'by-entry');
  if (!flags.json) console.error(changes.length === 0 ? 'no change' : changes.map(showChange).join('\n'));
  // Fail if the tenant has changed since it was read, because the patch repeats values that were read.
  const ifMatch = flags.ifVersion === undefined ? etag : `"${flags.ifVersion}"`;
  const changed = (await operator.call(TENANT_OPERATIONS.patchTenant, { tenantId }, { body: patch, ifMatch })).body;
  show(changed, flags);
  if (changed.name !== body.name) await warnOfSharedName(operator, changed);
}

const setStatus = (status: 'active' | 'suspended') => async (named: string, flags: OperatorFlags) => {
  const operator = await openOperator(flags);
  const tenantId = await findTenant(operator, named);
  const { body } = await operator.call(TENANT_OPERATIONS.patchTenant, { tenantId }, { body: { status } });
  console.log(flags.json ? JSON.stringify(body) : `${body.name} (${body.id}) is ${body.status}`);
};

async function remove(named: string, flags: OperatorFlags & { readonly yes?: boolean }): Promise<void> {
  const operator = await openOperator(flags);
  const tenantId = await findTenant(operator, named);
  const { body } = await operator.call(TENANT_OPERATIONS.readTenant, { tenantId });
  await confirm(`delete ${body.name} (${tenantId}) with all its keys`, flags.yes);
  await operator.call(TENANT_OPERATIONS.deleteTenant, { tenantId });
  console.log(flags.json ? JSON.stringify({ deleted: tenantId }) : `${body.name} (${tenantId}) is deleted`);
}
