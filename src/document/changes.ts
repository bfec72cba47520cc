/** One thing that a change changed: where (a JSON pointer), from what, to what; absent: it was not there, or is not. */
export interface Change {
  readonly pointer: string;
  readonly from?: unknown;
  readonly to?: unknown;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const escapePointer = (name: string) => name.replaceAll('~', '~0').replaceAll('/', '~1');

/** Finds what two JSON documents differ in, member by member. A list is one thing: it changes whole. */
export function findChanges(from: unknown, to: unknown, pointer = ''): Change[] {
  if (isObject(from) && isObject(to)) {
    const names = [...new Set([...Object.keys(from), ...Object.keys(to)])].sort();
    return names.flatMap((name) => findChanges(from[name], to[name], `${pointer}/${escapePointer(name)}`));
  }
  if (JSON.stringify(from) === JSON.stringify(to)) return [];
  return [{ pointer, ...(from !== undefined && { from }), ...(to !== undefined && { to }) }];
}
