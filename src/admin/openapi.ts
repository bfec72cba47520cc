import * as z from 'zod';
import { needOf, type Operation } from './operation.ts';
import { OPERATIONS } from './operations.ts';
import { ProblemSchema } from './problem-schema.ts';

const WORDS = {
  403: 'The admin token is read-only, or the request came over plain HTTP or from an address that POSTERN_ADMIN_IP_ALLOW does not include',
  405: 'The path does not support this method',
  413: 'The body is too large',
  415: 'The body is not declared as JSON',
  500: 'Something went wrong inside; the log has it',
  400: 'A field is missing or wrong',
  401: 'The admin token is missing or wrong',
  421: 'POSTERN_HOSTS does not list the host of the request',
  412: 'The tenant has changed since; nothing was done',
  404: 'There is no such thing',
  409: 'The maximum number exists already, the key was already rotated, the name is taken, or the root key of the tenant is missing',
  503: 'The state of the tenant or of the directory cannot be read; `detail` says why',
  507: 'The audit trail or the storage is full; nothing was changed',
} as const;

const IF_MATCH = {
  name: 'if-match',
  in: 'header',
  required: false,
  schema: { type: 'string' },
  description:
    'The `ETag` of the tenant as you read it, or several, or `*`. If none of them is current, nothing is changed and the answer is 412. A weak tag counts like a strong one.',
};

const componentUri = (id: string) => `#/components/schemas/${id}`;
const refTo = (schema: z.ZodType) => ({ $ref: componentUri(String(z.globalRegistry.get(schema)?.id)) });

/** Our lists are read-only in code. OpenAPI's `readOnly` would tell clients not to send them, so it is dropped. */
const dropReadOnly = ({ jsonSchema }: { readonly jsonSchema: { readOnly?: boolean } }) => {
  delete jsonSchema.readOnly;
};

/** The OpenAPI document of the admin API, made from the table that serves it and the schemas that check it. */
export function describeApi(): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const [operationId, operation] of Object.entries<Operation>(OPERATIONS)) {
    paths[operation.path] = {
      ...paths[operation.path],
      [operation.method.toLowerCase()]: { operationId, ...describe(operation) },
    };
  }
  // OpenAPI 3.1 takes JSON Schema 2020-12 as it is; the ids in it would move the base of the references.
  const { schemas } = z.toJSONSchema(z.globalRegistry, { io: 'input', uri: componentUri, override: dropReadOnly });
  const components = Object.entries(schemas).map(([id, { $id: _id, $schema: _dialect, ...schema }]) => [id, schema]);
  return {
    openapi: '3.1.0',
    info: { title: 'Postern admin API', version: '1' },
    servers: [{ url: '/admin/v1' }],
    security: [{ adminToken: [] }],
    paths,
    components: {
      schemas: Object.fromEntries(components),
      securitySchemes: { adminToken: { type: 'http', scheme: 'bearer' } },
    },
  };
}

function describe(operation: Operation): object {
  const { path, summary, query, body, answer, problems = [] } = operation;
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const inQuery = Object.entries(query?.shape ?? {}).map(([name, schema]) => {
    const { $schema: _dialect, ...described } = z.toJSONSchema(schema as z.ZodType, {
      io: 'input',
      override: dropReadOnly,
    });
    return { name, in: 'query', required: false, schema: described };
  });
  // Without its root key version the id of a tenant cannot be verified.
  const unverified = path.includes('{tenantId}') ? ([409] as const) : [];
  const full = needOf(operation) === 'read' ? [] : ([507] as const);
  const problem = { content: { 'application/problem+json': { schema: refTo(ProblemSchema) } } };
  return {
    summary,
    parameters: [...inPath, ...inQuery, ...(problems.includes(412) ? [IF_MATCH] : [])],
    ...(body && { requestBody: { required: true, content: { 'application/json': { schema: refTo(body) } } } }),
    responses: {
      [answer.status]: {
        description: summary,
        ...(answer.schema && { content: { 'application/json': { schema: refTo(answer.schema) } } }),
      },
      ...Object.fromEntries(
        (
          [
            401,
            403,
            405,
            421,
            ...(body ? ([413, 415] as const) : []),
            ...problems,
            ...unverified,
            500,
            503,
            ...full,
          ] as const
        ).map((status) => [status, { description: WORDS[status], ...problem }]),
      ),
    },
  };
}
