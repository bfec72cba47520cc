import { describe, expect, it } from 'vitest';
import type { TenantDocument } from '../../src/core/tenancy/tenant.ts';
import { patchTenant } from '../../src/document/patch-tenant.ts';

const document: TenantDocument = {
  name: 'Acme',
  status: 'active',
  policy: { allow: [{ function: 'orders-*' }] },
  limits: { rate: { perSecond: 1, burst: 2 } },
  upstream: {},
};

describe('patchTenant', () => {
  it('changes what the patch names and keeps the rest', () => {
    const patched = patchTenant(document, { status: 'suspended', limits: { concurrency: 3 } });
    expect(patched).toEqual({
      ok: true,
      value: { ...document, status: 'suspended', limits: { rate: { perSecond: 1, burst: 2 }, concurrency: 3 } },
    });
  });

  it('finds what the patched tenant, not the patch alone, does wrong', () => {
    const patched = patchTenant(document, { limits: { serveSeconds: 5 } });
    expect(patched).toEqual({
      ok: false,
      error: [{ pointer: '#/limits/serveSeconds', detail: "needs onLimitsUnavailable 'serve'" }],
    });
  });

  it('does not remove what a tenant must have', () => {
    const { ok, error } = patchTenant(document, { status: null, name: null }) as { ok: false; error: object[] };
    expect([ok, error.map((fault) => (fault as { pointer: string }).pointer).sort()]).toEqual([
      false,
      ['#/name', '#/status'],
    ]);
  });

  it('keeps a name of before, and refuses to set it anew', () => {
    const name = 'Ac\u202eme';
    expect(patchTenant({ ...document, name }, { status: 'suspended' })).toMatchObject({ ok: true, value: { name } });
    expect(patchTenant(document, { name })).toMatchObject({ ok: false });
  });
});
