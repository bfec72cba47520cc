/** Characters that a terminal would obey, or that reorder text: controls except line feed and tab, and bidirectional ones. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what has to be shown otherwise
const OBEYED = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

const asEscape = (char: string): string => {
  const code = char.charCodeAt(0);
  return code > 0xff ? `\\u${code.toString(16).padStart(4, '0')}` : `\\x${code.toString(16).padStart(2, '0')}`;
};

/** Makes somebody else's text safe for a terminal: control characters are shown as escapes. */
export const escapeControls = (text: string): string => text.replace(OBEYED, asEscape);

/** The colours of `paint`: anything else that begins with ESC is not ours. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what has to be found
const OURS = /(\x1b\[(?:2|22|31|32|33|39|90)m)/;

/**
 * Makes all output safe for a terminal: names, messages and answers come from others. Colours stay.
 * If output is not a terminal nothing changes: a file gets the bytes as they are.
 */
export function protectTerminal(stream: NodeJS.WriteStream): void {
  if (!stream.isTTY) return;
  const write = stream.write.bind(stream) as (...args: readonly unknown[]) => boolean;
  const protectedWrite = (chunk: unknown, ...rest: readonly unknown[]) => {
    if (typeof chunk !== 'string') return write(chunk, ...rest);
    const parts = chunk.split(OURS).map((part, at) => (at % 2 === 1 ? part : escapeControls(part)));
    return write(parts.join(''), ...rest);
  };
  stream.write = protectedWrite as typeof stream.write;
}
