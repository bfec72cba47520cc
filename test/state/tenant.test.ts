import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { ROOT_ACTOR } from '../../src/core/identity/actor.ts';
import type { KeyId, TenantId } from '../../src/core/identity/ids.ts';
import type { TenantDocument } from '../../src/core/tenancy/tenant.ts';
import { migrate } from '../../src/state/migrate.ts';
import { createObjects } from '../../src/state/objects.ts';
import { SEPARATE_RESPONSE_STREAMS } from '../../src/state/tenant/separate-response-streams.ts';

const document: TenantDocument = {
  name: 'Acme',
  status: 'active',
  policy: { allow: [{ function: 'orders-*' }] },
  limits: {},
  upstream: {},
};
const id = (text: string) => text as TenantId;
const key = (text: string) => text as KeyId;
const FAR = Date.UTC(2100, 0);
const stubOf = (name: string) => env.TENANT.get(env.TENANT.idFromName(name));

describe('a tenant object', () => {
  it('does not exist until it is made, and says so', async () => {
    const stub = stubOf('unmade');
    expect(await stub.read()).toBeNull();
    expect(await stub.snapshot()).toEqual({ exists: false });
    expect(await stub.addKey(key('k'), '', null, ROOT_ACTOR)).toBeNull();
    expect(await stub.remove(ROOT_ACTOR)).toBe(false);
  });

  it('is made once, however often it is said', async () => {
    const stub = stubOf('twice');
    const first = await stub.create(id('twice'), document, ROOT_ACTOR);
    const second = await stub.create(id('twice'), { ...document, name: 'Other' }, ROOT_ACTOR);
    expect(second).toEqual(first);
  });

  it('is replaced only from the version that was read', async () => {
    const stub = stubOf('versions');
    const { version } = await stub.create(id('versions'), document, ROOT_ACTOR);
    expect(await stub.replace({ ...document, name: 'B' }, version, ROOT_ACTOR)).toMatchObject({
      name: 'B',
      version: 2,
    });
    expect(await stub.replace({ ...document, name: 'C' }, version, ROOT_ACTOR)).toBeNull();
    expect(await stub.read()).toMatchObject({ name: 'B', version: 2 });
  });

  it('keeps tenant and keys when it is evicted', async () => {
    const stub = stubOf('evicted');
    await stub.create(id('evicted'), document, ROOT_ACTOR);
    await stub.addKey(key('k-live'), 'one', FAR, ROOT_ACTOR);
    await stub.addKey(key('k-gone'), 'two', null, ROOT_ACTOR);
    await stub.revokeKey('k-gone', ROOT_ACTOR);
    await evictDurableObject(stub);
    expect(await stubOf('evicted').snapshot()).toEqual({
      exists: true,
      status: 'active',
      policy: document.policy,
      limits: {},
      upstream: {},
      issuers: [],
      meterDuration: false,
      keys: { 'k-live': FAR },
    });
  });

  it('forgets its keys with itself', async () => {
    const stub = stubOf('removed');
    await stub.create(id('removed'), document, ROOT_ACTOR);
    await stub.addKey(key('k'), '', null, ROOT_ACTOR);
    expect(await stub.remove(ROOT_ACTOR)).toBe(true);
    await stub.create(id('removed'), document, ROOT_ACTOR);
    expect((await stub.listKeys('', 10))?.items).toEqual([]);
  });
});

describe('B14: the migration that makes response streams a separate type', () => {
  const runStep = (stub: ReturnType<typeof stubOf>) =>
    runInDurableObject(stub, (_, { storage }) => {
      const already = storage.sql.exec('SELECT count(*) AS n FROM migration').one().n as number;
      migrate(storage, [...Array.from({ length: already }, () => 'SELECT 1'), SEPARATE_RESPONSE_STREAMS], Date.now);
    });

  it('adds ResponseStream to the stored rules that list RequestResponse, of allow and deny, and to no others', async () => {
    const stub = stubOf('streams');
    const allow = [
      { function: 'b', types: ['RequestResponse'], logTail: true },
      { function: 'a', types: ['Event', 'DryRun'] },
      { function: 'c' },
      { function: 'd', types: ['ResponseStream', 'RequestResponse'] },
      { function: 'e', types: ['Event', 'RequestResponse'] },
    ] as const;
    const deny = [{ function: 'x', types: ['RequestResponse'] }] as const;
    const policy = { allow, deny, publish: { 'a\u00e9"b': 'b' } };
    await stub.create(id('streams'), { ...document, policy }, ROOT_ACTOR);
    await runStep(stub);
    expect(await stubOf('streams').read()).toMatchObject({
      policy: {
        allow: [
          { function: 'b', types: ['RequestResponse', 'ResponseStream'], logTail: true },
          allow[1],
          allow[2],
          allow[3],
          { function: 'e', types: ['Event', 'RequestResponse', 'ResponseStream'] },
        ],
        deny: [{ function: 'x', types: ['RequestResponse', 'ResponseStream'] }],
        publish: policy.publish,
      },
    });
    // Isolates take it for new.
    expect(await stub.read()).toMatchObject({ version: 3 });
  });

  it('leaves a tenant without such a rule unchanged', async () => {
    const stub = stubOf('no-streams');
    const before = await stub.create(id('no-streams'), document, ROOT_ACTOR);
    await runStep(stub);
    expect(await stubOf('no-streams').read()).toEqual(before);
  });
});

describe('migrate', () => {
  it('runs each step once, in order, also when steps are added later', async () => {
    await runInDurableObject(stubOf('migrated'), (_, { storage }) => {
      const already = storage.sql.exec('SELECT count(*) AS n FROM migration').one().n as number;
      const done = Array.from({ length: already }, () => 'SELECT 1');
      const one = 'CREATE TABLE extra (a INTEGER)';
      const two = 'ALTER TABLE extra ADD COLUMN b INTEGER DEFAULT 7';
      migrate(storage, [...done, one], Date.now);
      storage.sql.exec('INSERT INTO extra (a) VALUES (1)');
      migrate(storage, [...done, one, two], Date.now);
      migrate(storage, [...done, one, two], Date.now);
      expect(storage.sql.exec('SELECT * FROM extra').toArray()).toEqual([{ a: 1, b: 7 }]);
    });
  });

  it('leaves nothing of a step that fails', async () => {
    await runInDurableObject(stubOf('failed'), (_, { storage }) => {
      const already = storage.sql.exec('SELECT count(*) AS n FROM migration').one().n as number;
      const done = Array.from({ length: already }, () => 'SELECT 1');
      expect(() =>
        migrate(storage, [...done, 'CREATE TABLE half (a INTEGER); SELECT * FROM nowhere'], Date.now),
      ).toThrow();
      expect(storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'half'").toArray()).toEqual([]);
      expect(storage.sql.exec('SELECT count(*) AS n FROM migration').one().n).toBe(already);
    });
  });
});

describe('createObjects', () => {
  const objects = createObjects(env);
  const failing = (times: number, error: object) => {
    let attempts = 0;
    return {
      attempts: () => attempts,
      call: async () => {
        attempts++;
        if (attempts <= times) throw Object.assign(new Error('lost'), error);
        return 'done';
      },
    };
  };

  it('repeats a call that was lost on the way', async () => {
    const { call, attempts } = failing(2, { retryable: true });
    expect(await objects.directory(call)).toBe('done');
    expect(attempts()).toBe(3);
  });

  it('does not repeat a call to an overloaded object, nor one that failed by itself', async () => {
    for (const error of [{ retryable: true, overloaded: true }, {}]) {
      const { call, attempts } = failing(1, error);
      await expect(objects.directory(call)).rejects.toThrow('lost');
      expect(attempts()).toBe(1);
    }
  });

  it('gives up after three attempts', async () => {
    const { call, attempts } = failing(9, { retryable: true });
    await expect(objects.directory(call)).rejects.toThrow('lost');
    expect(attempts()).toBe(3);
  });
});
