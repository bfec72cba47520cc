import { styleText } from 'node:util';

type Format = Parameters<typeof styleText>[0];

/** Colours text for standard output or standard error, if the stream is a terminal and NO_COLOR is not set. */
export const paint = (format: Format, text: string, stream: NodeJS.WritableStream = process.stdout): string =>
  styleText(format, text, { stream });
