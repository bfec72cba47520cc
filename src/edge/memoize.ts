import { createBoundedMap } from './bounded-map.ts';

/** Maximum results to remember. Limited, because callers may be free to choose names. */
const MAX_REMEMBERED = 1_000;

/** Remembers the results of a pure function that is called with the same few strings again and again. */
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
