import { describe, expect, it } from 'vitest';
import { OBJECT_CLASSES } from '../../src/state/bindings.ts';
import { DIRECTORY_MIGRATIONS } from '../../src/state/directory/migrations.ts';
import { TENANT_MIGRATIONS } from '../../src/state/tenant/migrations.ts';

type Class = keyof typeof OBJECT_CLASSES;

const MIGRATIONS: Readonly<Record<Class, readonly string[]>> = {
  TENANT: TENANT_MIGRATIONS,
  DIRECTORY: DIRECTORY_MIGRATIONS,
};

/** Of each step that has landed, the start of the SHA-256 of its text. Lines are added here, never changed. */
const LANDED: Readonly<Record<Class, readonly string[]>> = {
  TENANT: [
    '0a3cc8e663f012bd',
    '9a679c209ed8714d',
    'aa1de82724ffd616',
    'd44db2f0f33011dd',
    'a346dfa1e3d7291c',
    '76e367b8e0354fd2',
  ],
  DIRECTORY: ['1c53d6290fc245a4', '1afde14f94425921', 'e1cc65e6091ca1c0', '36b4171221f184bd'],
};

const hashOf = async (text: string): Promise<string> => {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return [...new Uint8Array(digest).subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
};

describe('C4: migrations', () => {
  it.each(Object.keys(OBJECT_CLASSES) as Class[])(
    'of %s are those that landed, in their order, and each new one is noted here',
    async (name) => {
      expect(LANDED[name].length).toBeGreaterThan(0);
      expect(await Promise.all(MIGRATIONS[name].map(hashOf))).toEqual(LANDED[name]);
    },
  );
});
