import type * as z from 'zod';
import type { Need } from '../operator/access.ts';

/** A header of an answer: its description, and its value for a body. */
export interface AnswerHeader {
  readonly description: string;
  readonly of: (body: never) => string;
}

/** One operation of the admin API: what its handler gets and returns, and how the OpenAPI document describes it. */
export interface Operation {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Below `/admin/v1`, with parameters as OpenAPI writes them. Each is a row of `PARAMS`. */
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
  /** Changes nothing, although it is no GET. */
  readonly isReading?: true;
  /** It applies only to the versions in `If-Match`, if the request has one. */
  readonly isConditional?: true;
  /** Descriptions of problems beyond those that follow from the path, the query and the body. */
  readonly problems?: { readonly 404?: string; readonly 409?: string; readonly 507?: string };
}

/** `tenantId` and `keyId` of `/tenants/{tenantId}/keys/{keyId}`. */
type NamesIn<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}` ? Name | NamesIn<Rest> : never;

/** The parameters in the path of an operation. */
export type ParamsOf<O extends Operation> = Readonly<Record<NamesIn<O['path']>, string>>;

/** The body of an operation's answer. */
export type AnswerOf<O extends Operation> = O['answer'] extends { readonly schema: infer S extends z.ZodType }
  ? z.output<S>
  : undefined;

/** The access that an operation needs. It is checked before the body is read, and again by the operator's operation. */
export const needOf = ({ method, isReading }: Operation): Need => (method === 'GET' || isReading ? 'read' : 'change');

/** What each parameter of a path is the id of. */
export const PARAMS: Readonly<Record<string, string>> = {
  tenantId: 'tenant',
  keyId: 'key',
  adminTokenId: 'admin token',
};

/** A path with the values of its parameters. */
export const fillPath = (path: string, params: Readonly<Record<string, string>>): string =>
  path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));

/** The names of a path's parameters. */
export const paramsOf = (path: string): string[] => [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
