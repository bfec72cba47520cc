/** Characters that control a terminal or reorder text: controls except line feed and tab, and bidirectional marks. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to escape
const OBEYED = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

const asEscape = (char: string): string => {
  const code = char.charCodeAt(0);
  return code > 0xff ? `\\u${code.toString(16).padStart(4, '0')}` : `\\x${code.toString(16).padStart(2, '0')}`;
};

/** Makes untrusted text safe for a terminal: shows control characters as escapes. */
export const escapeControls = (text: string): string => text.replace(OBEYED, asEscape);

/** The escape sequences that `paint` writes. Any other escape sequence comes from untrusted text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: this is the character to find
const OURS = /(\x1b\[(?:2|22|31|32|33|39|90)m)/;

/**
 * Makes all output to a terminal safe, because names, messages and answers may contain untrusted text. Keeps our colours.
 * A stream that is not a terminal, such as a file, gets the bytes unchanged.
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
