import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type JsonObject, toJson } from '../../src/document/json.ts';
import { combinePatches, mergePatch, mergePatchOf } from '../../src/document/merge-patch.ts';

/** RFC 7396, appendix A: original, patch, result. */
const VECTORS = [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [
    ['a', 'b'],
    ['c', 'd'],
    ['c', 'd'],
  ],
  [{ a: 'b' }, ['c'], ['c']],
  [{ a: 'foo' }, null, null],
  [{ a: 'foo' }, 'bar', 'bar'],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
] as const;

const scalar = fc.oneof(fc.integer(), fc.boolean(), fc.string({ maxLength: 3 }));
/** A document without nulls: a merge patch cannot set one. */
const documents = fc.dictionary(
  fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor'),
  fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      scalar,
      fc.array(scalar, { maxLength: 2 }),
      fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { maxKeys: 3, noNullPrototype: true }),
    ),
  })).value,
  { noNullPrototype: true },
) as fc.Arbitrary<JsonObject>;
const seed = Number(process.env.POSTERN_PROPERTY_SEED ?? 7396);

describe('mergePatch', () => {
  it.each(VECTORS)('makes of %j by %j %j', (original, patch, result) => {
    expect(mergePatch(original, patch)).toEqual(result);
  });

  it('does not change what it is given', () => {
    const original = { a: { b: 1 } };
    mergePatch(original, { a: { b: null } });
    expect(original).toEqual({ a: { b: 1 } });
  });
});

describe('mergePatchOf', () => {
  it('makes the patch that turns one document into another', () => {
    fc.assert(
      fc.property(documents, documents, (from, to) => {
        expect(toJson(mergePatch(from, mergePatchOf(from, to)) as object)).toEqual(toJson(to));
      }),
      { seed },
    );
  });

  it('is empty for a document and itself', () => {
    fc.assert(
      fc.property(documents, (document) => {
        expect(mergePatchOf(document, document)).toEqual({});
      }),
      { seed },
    );
  });
});

describe('combinePatches', () => {
  it('keeps a null, which removes a member, and lets the second patch win', () => {
    const first = { limits: { rate: null, concurrency: 2 }, name: 'a' };
    expect(combinePatches(first, { limits: { concurrency: 3 }, name: 'b' })).toEqual({
      limits: { rate: null, concurrency: 3 },
      name: 'b',
    });
  });
});
