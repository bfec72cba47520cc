import * as z from 'zod';
import { describeProblems } from './describe-problems.ts';
import { ADMIN_PATH } from './envelope.ts';
import { type Operation, PARAMS, paramsOf } from './operation.ts';
import { OPERATIONS } from './operations.ts';
import { ProblemSchema } from './problem-schema.ts';

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

/** Drops `readOnly`. Our lists are read-only in code, but in OpenAPI, `readOnly` tells clients not to send a list. */
const dropReadOnly = ({ jsonSchema }: { readonly jsonSchema: { readOnly?: boolean } }) => {
  delete jsonSchema.readOnly;
};

/** Generates the OpenAPI document of the admin API from the table of operations and the schemas that check requests. */
export function describeApi(): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const [operationId, operation] of Object.entries<Operation>(OPERATIONS)) {
    paths[operation.path] = {
      ...paths[operation.path],
      [operation.method.toLowerCase()]: { operationId, ...describe(operation) },
    };
  }
  // OpenAPI 3.1 accepts JSON Schema 2020-12. Each `$id` is removed, because it would change the base URI of the references.
  const { schemas } = z.toJSONSchema(z.globalRegistry, { io: 'input', uri: componentUri, override: dropReadOnly });
  const components = Object.entries(schemas).map(([id, { $id: _id, $schema: _dialect, ...schema }]) => [id, schema]);
  return {
    openapi: '3.1.0',
    info: { title: 'Postern admin API', version: '1' },
    servers: [{ url: ADMIN_PATH }],
    security: [{ adminToken: [] }],
    paths,
    components: {
      schemas: Object.fromEntries(components),
      securitySchemes: { adminToken: { type: 'http', scheme: 'bearer' } },
    },
  };
}

const describe = (operation: Operation) => ({
  summary: operation.summary,
  parameters: describeParameters(operation),
  ...(operation.body && { requestBody: { required: true, ...jsonOf(operation.body) } }),
  responses: {
    [operation.answer.status]: describeAnswer(operation.answer),
    ...mapValues(describeProblems(operation), (description) => ({
      description,
      ...jsonOf(ProblemSchema, 'application/problem+json'),
    })),
  },
});

function describeParameters({ path, query, isConditional }: Operation): object[] {
  const inPath = paramsOf(path).map((name) => ({
    ...{ name, in: 'path', required: true, description: `The id of the ${PARAMS[name]}.`, schema: { type: 'string' } },
  }));
  const inQuery = Object.entries(query?.shape ?? {}).map(([name, member]) => {
    const described = z.toJSONSchema(member as z.ZodType, { io: 'input', override: dropReadOnly });
    const { $schema: _dialect, description, ...schema } = described;
    return { name, in: 'query', required: false, description, schema };
  });
  return [...inPath, ...inQuery, ...(isConditional ? [IF_MATCH] : [])];
}

const describeAnswer = ({ description, schema, headers }: Operation['answer']) => ({
  description,
  ...(headers && {
    headers: mapValues(headers, (header) => ({
      description: header.description,
      required: true,
      schema: { type: 'string' },
    })),
  }),
  ...(schema && jsonOf(schema)),
});

const jsonOf = (schema: z.ZodType, media = 'application/json') => ({ content: { [media]: { schema: refTo(schema) } } });

const mapValues = <T, U>(record: Readonly<Record<string, T>>, map: (value: T) => U): Record<string, U> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));
