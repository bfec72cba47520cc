import { describe, expect, it } from 'vitest';
import { receive } from '../../../src/gateway/steps/receive.ts';
import { must, PATH, reasonOf } from './world.ts';

const receiving = (path: string, { method = 'POST', headers = {} }: { method?: string; headers?: object } = {}) =>
  receive(
    { url: `https://gateway.example${path}`, method, headers: new Headers({ ...headers }) },
    { maxFunctionNameLength: 170 },
  );

describe('receive', () => {
  it.each([
    ['unknown-path', '/elsewhere', {}],
    ['method-not-allowed', PATH, { method: 'GET' }],
    ['uri-too-long', `${PATH}?${'a'.repeat(99_999)}`, {}],
    ['headers-too-many', PATH, { headers: Object.fromEntries(Array.from({ length: 257 }, (_, n) => [`h${n}`, ''])) }],
    ['parameters-too-many', `${PATH}?${'a&'.repeat(7_000)}`, {}],
  ])('refuses %s', (reason, path, more) => {
    expect(reasonOf(receiving(path, more))).toBe(reason);
  });

  it('keeps the path as it came', () => {
    const path = '/2015-03-31/functions/%6Frders%3a1/invocations';
    const { rawPath, source } = must(receiving(`${path}?Qualifier=live`));
    expect([rawPath, source.rawFunctionName, source.query?.get('Qualifier')]).toEqual([path, '%6Frders%3a1', ['live']]);
  });

  it('takes a query that cannot be parsed for none, and leaves its refusal to the arguments', () => {
    const { query, source } = must(receiving(`${PATH}?a=%zz`));
    expect([query.size, source.query]).toEqual([0, undefined]);
  });

  it.each([
    ['Invoke', PATH, {}, 6_291_456],
    ['Event', PATH, { 'x-amz-invocation-type': 'Event' }, 1_048_576],
    ['nonsense', PATH, { 'x-amz-invocation-type': 'nonsense' }, 6_291_456],
  ])('knows what the operation takes: %s', (_, path, headers, bytes) => {
    const { operationRoom, declaredBytes } = must(receiving(path, { headers: { ...headers, 'content-length': '7' } }));
    expect([operationRoom.maxBytes, declaredBytes]).toEqual([bytes, 7]);
  });

  it('declares no length where the caller does not', () => {
    expect(must(receiving(PATH)).declaredBytes).toBeUndefined();
  });
});
