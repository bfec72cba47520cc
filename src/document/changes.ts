import { isObject, isSame, type Json, memberOf, namesIn } from './json.ts';

/** One field that differs. Without `from`, the field is new. Without `to`, it was removed. */
export interface FieldChange {
  readonly path: readonly (string | number)[];
  readonly from?: Json;
  readonly to?: Json;
}

const isRecords = (value: Json | undefined): value is readonly Json[] => Array.isArray(value) && value.every(isObject);

/**
 * Finds every field in which two documents differ, member by member. The order of an object's members does not matter.
 *
 * @param lists `whole`: a list is one field. `by-entry`: a list of objects is compared entry by entry.
 */
export function findChanges(
  from: Json | undefined,
  to: Json | undefined,
  lists: 'whole' | 'by-entry',
  path: FieldChange['path'] = [],
): FieldChange[] {
  if (isObject(from) && isObject(to)) {
    const change = (name: string) => findChanges(memberOf(from, name), memberOf(to, name), lists, [...path, name]);
    return namesIn(from, to).flatMap(change);
  }
  if (lists === 'by-entry' && isRecords(from) && isRecords(to)) {
    const length = Math.max(from.length, to.length);
    return Array.from({ length }, (_, at) => findChanges(from[at], to[at], lists, [...path, at])).flat();
  }
  if (isSame(from, to)) return [];
  return [{ path, ...(from !== undefined && { from }), ...(to !== undefined && { to }) }];
}
