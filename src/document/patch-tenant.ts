import { err, ok, type Result } from '../core/result.ts';
import type { TenantDocument } from '../core/tenancy/tenant.ts';
import { type FieldFault, toFieldFaults } from './field-faults.ts';
import { mergePatch } from './merge-patch.ts';
import { MergedTenant } from './tenant.ts';

/**
 * Applies a merge patch (RFC 7396) to a tenant and checks the result as a whole. An unchanged name is not checked,
 * because it may have been accepted before today's checks existed.
 */
export function patchTenant(document: TenantDocument, patch: unknown): Result<TenantDocument, readonly FieldFault[]> {
  const { name } = document;
  const merged = mergePatch(document, patch);
  const keepsName = (merged as { readonly name?: unknown }).name === name;
  const checked = MergedTenant.safeParse(keepsName ? { ...(merged as object), name: '-' } : merged);
  if (!checked.success) return err(toFieldFaults(checked.error.issues));
  return ok(keepsName ? { ...checked.data, name } : checked.data);
}
