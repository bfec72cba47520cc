/** Results that are remembered; then all are forgotten: callers may be free to choose names. */
const MAX_REMEMBERED = 1_000;

/** Gives a pure function of a text a memory: the same few are asked for again and again. */
export function remember(of: (text: string) => string): (text: string) => string {
  const remembered = new Map<string, string>();
  return (text) => {
    let result = remembered.get(text);
    if (result === undefined) {
      result = of(text);
      if (remembered.size >= MAX_REMEMBERED) remembered.clear();
      remembered.set(text, result);
    }
    return result;
  };
}
