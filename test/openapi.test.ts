import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { describeApi } from '../src/admin/openapi.ts';
import { OPERATIONS } from '../src/admin/operations.ts';

interface WithDescription {
  readonly description?: string;
}
interface DescribedOperation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters: readonly (WithDescription & { readonly name: string })[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema: { readonly $ref: string } }> };
  readonly responses: Record<string, WithDescription & { readonly headers?: Record<string, WithDescription> }>;
}
interface Described {
  readonly paths: Record<string, Record<string, DescribedOperation>>;
  readonly components: { schemas: Record<string, Record<string, unknown>> };
}
const document = JSON.parse(JSON.stringify(describeApi())) as Described;

/** Every schema in a document, however deep. */
function* schemasIn(value: unknown): Generator<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield value as Record<string, unknown>;
  for (const one of Object.values(value)) yield* schemasIn(one);
}

const isSentence = (text: unknown) => typeof text === 'string' && /^[A-Z`].*\.$/s.test(text);

describe('D14: the OpenAPI document', () => {
  it('is a valid one', async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(document) as never);
    expect(errors).toBeUndefined();
    expect(valid).toBe(true);
  });

  it('describes every operation, and what each may answer', () => {
    const described = Object.values(document.paths).flatMap((path) => Object.values(path));
    expect(described.map(({ operationId }) => operationId).sort()).toEqual(Object.keys(OPERATIONS).sort());
    for (const { operationId, responses } of described) {
      expect([operationId, Object.keys(responses)]).toEqual([
        operationId,
        expect.arrayContaining(['401', '403', '405', '500', '503']),
      ]);
    }
    const patch = document.paths['/tenants/{tenantId}']?.patch;
    expect(Object.keys(patch?.responses ?? {})).toEqual(
      expect.arrayContaining(['200', '400', '404', '409', '412', '413', '415', '507']),
    );
  });

  it('has a sentence for every parameter, answer, header and problem', () => {
    const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
    const described = operations.flatMap(({ operationId, parameters, responses }) => [
      ...parameters.map(({ name, description }) => [`${operationId} ${name}`, description]),
      ...Object.entries(responses).flatMap(([status, { description, headers = {} }]) => [
        [`${operationId} ${status}`, description],
        ...Object.entries(headers).map(([name, header]) => [`${operationId} ${status} ${name}`, header.description]),
      ]),
    ]);
    expect(described.length).toBeGreaterThan(100);
    expect(described.filter(([, description]) => !isSentence(description))).toEqual([]);
  });

  it('has a description for every schema, and for every member of one', () => {
    const { schemas } = document.components;
    const named = Object.entries(schemas).filter(([, { description }]) => !isSentence(description));
    expect(named.map(([name]) => name)).toEqual([]);
    const members = Object.entries(schemas).flatMap(([schema, one]) =>
      [...schemasIn(one)].flatMap(({ properties }) =>
        Object.entries((properties ?? {}) as Record<string, WithDescription>).map(
          ([name, member]) => [`${schema} ${name}`, member] as const,
        ),
      ),
    );
    expect(members.length).toBeGreaterThan(100);
    // What is only a reference is described where it points.
    const bare = members.filter(([, member]) => !('$ref' in member) && !isSentence(member.description));
    expect(bare.map(([name]) => name)).toEqual([]);
  });

  it('takes no member in a body that it does not name, in a patch neither', () => {
    const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
    const bodies = operations.flatMap(({ requestBody }) => Object.values(requestBody?.content ?? {}));
    const names = new Set(bodies.map(({ schema }) => schema.$ref.replace('#/components/schemas/', '')));
    expect(names).toContain('PatchTenant');
    for (const name of names) {
      expect(Object.keys(document.components.schemas)).toContain(name);
      for (const schema of schemasIn(document.components.schemas[name])) {
        if (!('properties' in schema) || schema.type !== 'object') continue;
        expect([name, schema.additionalProperties]).toEqual([name, false]);
      }
    }
  });

  it('has only patterns that other languages read, and no list that may not be sent', () => {
    const patterns = [...schemasIn(document)].flatMap(({ pattern }) => (typeof pattern === 'string' ? [pattern] : []));
    expect(patterns.length).toBeGreaterThan(10);
    for (const pattern of patterns) {
      expect(pattern).not.toMatch(/\\[pP]\{|\(\?<|\\u\{/);
      expect(() => new RegExp(pattern)).not.toThrow();
      expect(() => new RegExp(pattern, 'u')).not.toThrow();
    }
    expect([...schemasIn(document)].filter(({ readOnly }) => readOnly === true)).toEqual([]);
  });

  it("says of an audit entry's change that what it came from, or went to, may be absent", () => {
    const lists = [...schemasIn(document.components.schemas.AuditList)];
    const change = lists.find(({ properties }) => Object.hasOwn((properties ?? {}) as object, 'pointer'));
    expect(change?.required).toEqual(['pointer']);
  });
});
