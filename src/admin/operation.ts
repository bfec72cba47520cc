import type * as z from 'zod';
import type { Need } from '../operator/access.ts';

/** One operation of the admin API: what its handler gets and returns, and what its description says. */
export interface Operation {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Below `/admin/v1`, with parameters as OpenAPI writes them. */
  readonly path: string;
  readonly summary: string;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly answer: {
    readonly status: 200 | 201 | 204;
    readonly schema?: z.ZodType;
    /** Headers of the answer, from its body. */
    readonly headers?: (body: never) => Readonly<Record<string, string>>;
  };
  /** Changes nothing, although it is no GET. */
  readonly isReading?: true;
  /** Which problems it may answer, besides those of every operation, every tenant and every body. */
  readonly problems?: readonly (400 | 404 | 409 | 412)[];
}

/** The access that an operation needs. It is checked before the body is read, and again by the operator's operation. */
export const needOf = ({ method, isReading }: Operation): Need => (method === 'GET' || isReading ? 'read' : 'change');
