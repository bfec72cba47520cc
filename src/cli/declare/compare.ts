/** What JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json | undefined };

/** One field that differs. `from` absent: it is new; `to` absent: it goes. */
export interface FieldChange {
  readonly path: readonly (string | number)[];
  readonly from?: Json;
  readonly to?: Json;
}

type JsonObject = { readonly [name: string]: Json | undefined };

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Lists of objects are compared entry by entry; a list of plain values is one field. */
const isRecords = (value: Json | undefined): value is readonly Json[] => Array.isArray(value) && value.every(isObject);

/** Every field in which two documents differ. The order of an object's members is not a difference. */
export function compare(from: Json | undefined, to: Json | undefined, path: FieldChange['path'] = []): FieldChange[] {
  if (isObject(from) && isObject(to)) {
    const names = new Set([...Object.keys(from), ...Object.keys(to)]);
    return [...names].flatMap((name) => compare(from[name], to[name], [...path, name]));
  }
  if (isRecords(from) && isRecords(to)) {
    const length = Math.max(from.length, to.length);
    return Array.from({ length }, (_, index) => compare(from[index], to[index], [...path, index])).flat();
  }
  if (isSame(from, to)) return [];
  return [{ path, ...(from !== undefined && { from }), ...(to !== undefined && { to }) }];
}

/** The JSON merge patch (RFC 7396) that makes `to` of `from`. A list is replaced whole: a patch cannot reach into one. */
export function mergePatchOf(from: JsonObject, to: JsonObject): { [name: string]: Json } {
  const patch: { [name: string]: Json } = {};
  for (const name of new Set([...Object.keys(from), ...Object.keys(to)])) {
    const [before, after] = [from[name], to[name]];
    if (isSame(before, after)) continue;
    if (after === undefined) patch[name] = null;
    else patch[name] = isObject(before) && isObject(after) ? mergePatchOf(before, after) : after;
  }
  return patch;
}

function isSame(a: Json | undefined, b: Json | undefined): boolean {
  if (isObject(a) && isObject(b)) {
    return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((name) => isSame(a[name], b[name]));
  }
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, at) => isSame(item, b[at]));
  return a === b;
}
