import type * as z from 'zod';
import type { Need } from '../operator/access.ts';

/** A header of an answer: a description, and a function that computes the value from the body. */
export interface AnswerHeader {
  readonly description: string;
  readonly of: (body: never) => string;
}

/** One operation of the admin API: the input and answer of its handler, and its description in the OpenAPI document. */
export interface Operation {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** The path below `/admin/v1`, with parameters in OpenAPI's syntax. `PARAMS` must list each parameter. */
  readonly path: string;
  readonly summary: string;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly answer: {
    readonly status: 200 | 201 | 204;
    readonly description: string;
    readonly schema?: z.ZodType;
    readonly headers?: Readonly<Record<string, AnswerHeader>>;
  };
  /** True if the operation changes nothing, although its method is not GET. */
  readonly isReading?: true;
  /** True if the operation obeys `If-Match`, and so applies only to the versions in that header. */
  readonly isConditional?: true;
  /** Descriptions of problems that do not follow from the path, the query or the body. */
  readonly problems?: { readonly 404?: string; readonly 409?: string; readonly 507?: string };
}

/** The names of a path's parameters: `tenantId` and `keyId` for `/tenants/{tenantId}/keys/{keyId}`. */
type NamesIn<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}` ? Name | NamesIn<Rest> : never;

/** The values of the parameters in an operation's path, by name. */
export type ParamsOf<O extends Operation> = Readonly<Record<NamesIn<O['path']>, string>>;

/** The body of an operation's answer. */
export type AnswerOf<O extends Operation> = O['answer'] extends { readonly schema: infer S extends z.ZodType }
  ? z.output<S>
  : undefined;

/** Returns the access that an operation needs. `serve` checks this access before the body is read, `operator` again. */
export const needOf = ({ method, isReading }: Operation): Need => (method === 'GET' || isReading ? 'read' : 'change');

/** The noun that each path parameter identifies. */
export const PARAMS: Readonly<Record<string, string>> = {
  tenantId: 'tenant',
  keyId: 'key',
  adminTokenId: 'admin token',
};

/** Replaces the parameters of a path with their values. */
export const fillPath = (path: string, params: Readonly<Record<string, string>>): string =>
  path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));

/** Returns the names of a path's parameters. */
export const paramsOf = (path: string): string[] => [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
