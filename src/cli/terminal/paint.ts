import { styleText } from 'node:util';

type Format = Parameters<typeof styleText>[0];

/** Colours text for standard output, or for standard error: on a terminal only, and not where NO_COLOR is set. */
export const paint = (format: Format, text: string, stream: NodeJS.WritableStream = process.stdout): string =>
  styleText(format, text, { stream });
