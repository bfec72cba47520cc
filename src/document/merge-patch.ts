type Json = unknown;

const isObject = (value: Json): value is Record<string, Json> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Nothing that a patch may set is nested so deep. */
const MAX_DEPTH = 32;

/** Applies a JSON merge patch (RFC 7396 section 2) and gives back a new value; below `MAX_DEPTH` it leaves nulls in. */
export function mergePatch(target: Json, patch: Json, depth = 0): Json {
  if (!isObject(patch) || depth === MAX_DEPTH) return patch;
  const merged = new Map(Object.entries(isObject(target) ? target : {}));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name), value, depth + 1));
  }
  return Object.fromEntries(merged);
}
