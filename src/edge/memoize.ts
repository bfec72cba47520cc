import { createBoundedMap } from './bounded-map.ts';

/** Callers may be free to choose names. */
const MAX_REMEMBERED = 1_000;

/** Gives a pure function of a text a memory: the same few are asked for again and again. */
export function remember(of: (text: string) => string): (text: string) => string {
  const remembered = createBoundedMap<string, string>(MAX_REMEMBERED);
  return (text) => {
    let result = remembered.get(text);
    if (result === undefined) {
      result = of(text);
      remembered.set(text, result);
    }
    return result;
  };
}
