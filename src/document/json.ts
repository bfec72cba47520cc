/** Any JSON value. An undefined member counts as absent. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export type JsonObject = { readonly [name: string]: Json | undefined };

/** True for a JSON object: neither a list nor null. */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Returns an object's own member, never an inherited member: a document may name a member `constructor` or `__proto__`. */
export const memberOf = (object: JsonObject, name: string): Json | undefined =>
  Object.hasOwn(object, name) ? object[name] : undefined;

/** Returns the names of all members of two objects. */
export const namesIn = (a: JsonObject, b: JsonObject): readonly string[] => [
  ...new Set([...Object.keys(a), ...Object.keys(b)]),
];

/** Returns a document as it goes over the wire: without undefined members. */
export const toJson = (document: object): JsonObject => JSON.parse(JSON.stringify(document)) as JsonObject;

/** True if two documents are the same. The order of an object's members does not matter. */
export function isSame(a: Json | undefined, b: Json | undefined): boolean {
  if (isObject(a) && isObject(b)) {
    return namesIn(a, b).every((name) => isSame(memberOf(a, name), memberOf(b, name)));
  }
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, at) => isSame(item, b[at]));
  return a === b;
}
