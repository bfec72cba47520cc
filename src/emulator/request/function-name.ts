/**
 * The pattern of a function name. The service quotes this text to the caller if a name does not match (recorded 2025-11).
 * Invoke does not check that a bare name has at most 64 characters: a longer name is simply not found (recorded).
 */
export const functionNamePattern = String.raw`(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?`;

/** The pattern of a qualifier, as the service quotes it in an error (recorded 2025-11). */
export const qualifierPattern = String.raw`\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+`;

/** The parts of a function name in any of its four forms. A missing part is undefined. */
export interface FunctionName {
  readonly region: string | undefined;
  readonly accountId: string | undefined;
  readonly name: string;
  readonly qualifier: string | undefined;
}

const whole = new RegExp(`^(?:${functionNamePattern})$`);

/** Parses a name, `name:qualifier`, partial ARN or ARN. Undefined for any other text. */
export function parseFunctionName(text: string): FunctionName | undefined {
  const groups = whole.exec(text);
  const name = groups?.[11];
  if (!groups || name === undefined) return undefined;
  return { region: groups[3]?.slice(0, -1), accountId: groups[9]?.slice(0, -1), name, qualifier: groups[13] };
}
