import { describe, expect, it } from 'vitest';
import { needOf } from '../../src/admin/operation.ts';
import { OPERATIONS } from '../../src/admin/operations.ts';
import type { Admin } from '../../src/operator/access.ts';
import * as audit from '../../src/operator/audit.ts';
import * as explain from '../../src/operator/explain.ts';
import * as gateway from '../../src/operator/gateway.ts';
import * as keys from '../../src/operator/keys.ts';
import type { OperatorPorts } from '../../src/operator/ports.ts';
import * as tenants from '../../src/operator/tenants.ts';
import * as tokens from '../../src/operator/tokens.ts';
import * as usage from '../../src/operator/usage.ts';

/** Every operation that an operator has. */
const ALL = { ...audit, ...explain, ...gateway, ...keys, ...tenants, ...tokens, ...usage };
/** Operations of the API whose name is another one here. */
const RENAMED: Readonly<Record<string, keyof typeof ALL>> = { patchTenant: 'changeTenant' };

const reader: Admin = { name: 'reader', access: 'read' };
const full: Admin = { name: 'writer', access: 'full' };

class Touched extends Error {}
/** Ports that say when an operation goes on to use them. */
const ports = new Proxy({} as OperatorPorts, {
  get(_, name) {
    throw new Touched(String(name));
  },
});
const attempt = async (name: keyof typeof ALL, admin: Admin) => {
  const run = ALL[name] as (ports: OperatorPorts, admin: Admin, ...args: unknown[]) => Promise<unknown>;
  try {
    return await run(ports, admin, 't1_x', {}, {});
  } catch (error) {
    if (error instanceof Touched) return 'went on';
    throw error;
  }
};

describe('every operation of an operator', () => {
  it('is one of the admin API, and the other way round', () => {
    const served = Object.keys(OPERATIONS).map((id) => RENAMED[id] ?? id);
    expect(Object.keys(ALL).sort()).toEqual(served.sort());
  });

  it.each(Object.entries(OPERATIONS))('%s checks the access before it uses anything', async (id, operation) => {
    const name = RENAMED[id] ?? (id as keyof typeof ALL);
    expect(await attempt(name, full)).toBe('went on');
    const denied = { ok: false, error: { kind: 'access' } };
    expect(await attempt(name, reader)).toEqual(needOf(operation) === 'read' ? 'went on' : denied);
  });

  it('fails closed for an access that is not known', async () => {
    const stranger = { name: 'x', access: 'metrics' } as unknown as Admin;
    for (const name of Object.keys(ALL) as (keyof typeof ALL)[]) {
      expect([name, await attempt(name, stranger)]).toEqual([name, { ok: false, error: { kind: 'access' } }]);
    }
  });
});
