import type { TenantList } from '../../admin/tenants/schema.ts';
import { type FieldChange, findChanges } from '../../document/changes.ts';
import { type JsonObject, toJson } from '../../document/json.ts';
import { mergePatchOf } from '../../document/merge-patch.ts';
import { CommandError, EXIT, usageError } from '../terminal/exit.ts';
import type { FileTenant } from './file.ts';

/** A tenant in the gateway's list. */
export type Listed = Pick<TenantList['tenants'][number], 'id' | 'name'>;

/** A tenant of the gateway, with its whole document. */
export interface CurrentTenant extends Listed {
  /** The tenant's settings, which the operator wrote. */
  readonly document: JsonObject;
  readonly etag?: string;
}

/** The step that one tenant needs. */
export type Step =
  | { readonly kind: 'create'; readonly name: string; readonly document: JsonObject }
  | {
      readonly kind: 'change';
      readonly id: string;
      readonly name: string;
      readonly changes: readonly FieldChange[];
      readonly patch: JsonObject;
      readonly etag?: string;
    }
  | { readonly kind: 'delete'; readonly id: string; readonly name: string };

/** The steps that bring the gateway to the state in the file. Without steps, the gateway is already in that state. */
export interface Plan {
  readonly steps: readonly Step[];
  readonly unchanged: number;
  /** Tenants in the gateway but not in the file. The plan does not change these tenants. */
  readonly unlisted: readonly Listed[];
}

/** Finds the file's tenants in the gateway: by id if the file gives an id, otherwise by name, which must be unique. */
export function matchTenants(
  file: readonly FileTenant[],
  gateway: readonly Listed[],
): { readonly matched: readonly { readonly wanted: FileTenant; readonly found?: Listed }[]; readonly rest: Listed[] } {
  const rest = new Set(gateway);
  const claimed = new Set(file.flatMap(({ id }) => id ?? []));
  const matched = file.map((wanted, index) => {
    const found =
      wanted.id === undefined ? findByName(wanted.name, index, gateway, claimed) : findById(wanted.id, index, gateway);
    if (found) rest.delete(found);
    return { wanted, ...(found && { found }) };
  });
  return { matched, rest: [...rest] };
}

function findById(id: string, index: number, gateway: readonly Listed[]): Listed {
  const found = gateway.find((tenant) => tenant.id === id);
  if (found) return found;
  const message = `#/tenants/${index}/id: this gateway has no tenant ${id}; leave the id out to make one`;
  throw new CommandError(message, EXIT.notFound);
}

function findByName(name: string, index: number, gateway: readonly Listed[], claimed: ReadonlySet<string>) {
  const named = gateway.filter((tenant) => tenant.name === name);
  const [found, other] = named;
  if (other) {
    const ids = named.map(({ id }) => id).join(', ');
    throw usageError(
      `#/tenants/${index}/name: the gateway has ${named.length} tenants of this name; put an id beside it: ${ids}`,
    );
  }
  // The file lists this tenant by id, under another name: the name is about to change.
  return found && claimed.has(found.id) ? undefined : found;
}

/** Decides on the steps. `found` has the whole document. Tenants missing from the file are deleted only with `prune`. */
export function planSteps(
  matched: readonly { readonly wanted: FileTenant; readonly found?: CurrentTenant }[],
  rest: readonly Listed[],
  prune: boolean,
): Plan {
  const steps: Step[] = [];
  for (const { wanted, found } of matched) {
    const { id: _id, ...document } = wanted;
    const to = toJson(document);
    if (!found) {
      steps.push({ kind: 'create', name: wanted.name, document: to });
      continue;
    }
    const changes = findChanges(found.document, to, 'by-entry');
    if (changes.length === 0) continue;
    const { id, name, etag } = found;
    const patch = mergePatchOf(found.document, to);
    steps.push({ kind: 'change', id, name, changes, patch, ...(etag !== undefined && { etag }) });
  }
  const unchanged = matched.length - steps.length;
  if (!prune) return { steps, unchanged, unlisted: rest };
  return {
    steps: [...steps, ...rest.map(({ id, name }) => ({ kind: 'delete' as const, id, name }))],
    unchanged,
    unlisted: [],
  };
}
