import { type Schema, Validator } from '@cfworker/json-schema';
import { describeApi } from '../../src/admin/openapi.ts';
import { ADMIN_PATH, isAdminPath } from './admin-path.ts';

interface Described {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly responses: Responses }>>>>;
  readonly components: Readonly<Record<string, unknown>>;
}
type Responses = Readonly<Record<string, DescribedAnswer>>;
interface DescribedAnswer {
  readonly content?: Readonly<Record<string, { readonly schema: { readonly $ref: string } }>>;
  readonly headers?: Readonly<Record<string, object>>;
}

/** An answer of the admin API, as it came. */
export interface AdminAnswer {
  readonly method: string;
  /** With or without its query. */
  readonly path: string;
  readonly status: number;
  readonly header: (name: string) => string | null | undefined;
  readonly body: string;
}

const PROBLEM: DescribedAnswer = {
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
};

const document = JSON.parse(JSON.stringify(describeApi())) as Described;
const routes = Object.entries(document.paths).map(([path, operations]) => ({
  path,
  pattern: new RegExp(`^${ADMIN_PATH}${path.replace(/^\/$/, '/?').replace(/\{\w+\}/g, '[^/]+')}$`),
  operations,
}));

const validators = new Map<string, Validator>();
/** What a JSON value has that its schema does not allow, or lacks. */
function faultsOf($ref: string, value: unknown): string[] {
  let validator = validators.get($ref);
  if (!validator) {
    validator = new Validator({ $ref, components: document.components } as Schema, '2020-12', false);
    validators.set($ref, validator);
  }
  return validator.validate(value).errors.map(({ instanceLocation, error }) => `${instanceLocation}: ${error}`);
}

/** The description of an answer. Undefined if the document has no such status. */
function describedFor({ method, path, status }: AdminAnswer): DescribedAnswer | undefined {
  const [bare = ''] = path.split('?');
  const route = routes.find(({ pattern }) => pattern.test(bare));
  if (!route) return status < 400 ? undefined : PROBLEM;
  const operation = route.operations[method.toLowerCase()];
  // Other methods of a known path: a refusal, or OPTIONS.
  if (!operation) return method === 'OPTIONS' && status === 204 ? {} : PROBLEM;
  return operation.responses[status];
}

/** True if an answer is the admin API's own: not one of the gateway, or of a server that plays one. */
export const isAdminAnswer = ({ path, header }: AdminAnswer): boolean =>
  isAdminPath(path) && Boolean(header('x-amzn-requestid')) && !header('x-postern-refusal');

/**
 * Holds an answer of the admin API to its OpenAPI document: its status, headers, media type, and every member of its body.
 *
 * @returns what is wrong. Nothing for an answer that is not the admin API's.
 */
export function findAnswerFaults(answer: AdminAnswer): string[] {
  const { method, path, status, header, body } = answer;
  // The document does not describe itself.
  if (!isAdminAnswer(answer) || method === 'HEAD' || (path === `${ADMIN_PATH}/openapi.json` && status === 200))
    return [];
  const say = (fault: string) => `${method} ${path} ${status}: ${fault}`;
  const described = describedFor(answer);
  if (!described) return [say('is in no document')];
  const lacking = Object.keys(described.headers ?? {}).filter((name) => !header(name));
  if (lacking.length > 0) return [say(`lacks ${lacking.join()}`)];
  const [[media, content] = []] = Object.entries(described.content ?? {});
  if (!media || !content) return body === '' ? [] : [say('has a body')];
  if (!header('content-type')?.startsWith(media)) return [say(`is ${header('content-type')}, not ${media}`)];
  return faultsOf(content.schema.$ref, JSON.parse(body)).map(say);
}

/** @throws what is wrong with an answer of the admin API, by its OpenAPI document. */
export function assertAsDescribed(answer: AdminAnswer): void {
  const faults = findAnswerFaults(answer);
  if (faults.length > 0) throw new Error(`the admin API answers what it does not describe:\n${faults.join('\n')}`);
}
