import { isObject, isSame, type Json, type JsonObject, memberOf, namesIn } from './json.ts';

/** The depth at which merging stops. No value that a patch may set is nested more deeply. */
const MAX_DEPTH = 32;

/**
 * Applies a JSON merge patch (RFC 7396 section 2) and returns a new value. Nulls deeper than `MAX_DEPTH` stay in the
 * result.
 */
export function mergePatch(target: unknown, patch: unknown, depth = 0): unknown {
  if (!isObject(patch) || depth === MAX_DEPTH) return patch;
  const merged = new Map<string, unknown>(Object.entries(isObject(target) ? target : {}));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name), value, depth + 1));
  }
  return Object.fromEntries(merged);
}

/**
 * Makes the merge patch that turns `from` into `to`. A changed list is replaced as a whole, because a patch cannot
 * change an entry.
 */
export function mergePatchOf(from: JsonObject, to: JsonObject): JsonObject {
  const patch = new Map<string, Json>();
  for (const name of namesIn(from, to)) {
    const [before, after] = [memberOf(from, name), memberOf(to, name)];
    if (isSame(before, after)) continue;
    if (after === undefined) patch.set(name, null);
    else patch.set(name, isObject(before) && isObject(after) ? mergePatchOf(before, after) : after);
  }
  return Object.fromEntries(patch);
}

/**
 * Combines two merge patches. The second wins. Unlike `mergePatch`, the function keeps nulls, because a null removes a
 * member.
 */
export function combinePatches(first: JsonObject, second: JsonObject): JsonObject {
  const combined = new Map(Object.entries(first));
  for (const [name, value] of Object.entries(second)) {
    const before = combined.get(name);
    combined.set(name, isObject(before) && isObject(value) ? combinePatches(before, value) : value);
  }
  return Object.fromEntries(combined);
}
