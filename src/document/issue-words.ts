import * as z from 'zod';

const TYPES: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  nan: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

/** The unit in which a bound is counted. Absent: the bound applies to the value itself. */
const UNITS: Readonly<Record<string, readonly [one: string, more: string]>> = {
  string: ['character', 'characters'],
  array: ['entry', 'entries'],
  record: ['entry', 'entries'],
};

function bound(origin: string, edge: 'least' | 'most', count: number | bigint): string {
  const unit = UNITS[origin];
  return unit ? `must have at ${edge} ${count} ${unit[Number(count) === 1 ? 0 : 1]}` : `must be at ${edge} ${count}`;
}

/**
 * Explains what is wrong with a field. The text continues a sentence that begins with the field's name. Undefined if
 * the wording is left to the schema.
 */
function wordsOf(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.input === undefined && issue.code !== 'unrecognized_keys') return 'is missing';
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${TYPES[issue.expected] ?? issue.expected}`;
    case 'invalid_value': {
      const values = issue.values.map((value) => (typeof value === 'string' ? `'${value}'` : String(value)));
      return values.length === 1 ? `must be ${values[0]}` : `must be one of ${values.join(', ')}`;
    }
    case 'too_small':
      return bound(issue.origin, 'least', issue.minimum);
    case 'too_big':
      return bound(issue.origin, 'most', issue.maximum);
    case 'invalid_format':
      return issue.format === 'datetime'
        ? 'must be a date and time with an offset, such as 2027-01-31T00:00:00Z'
        : undefined;
    case 'invalid_key':
      return 'has a name that is not allowed here';
    case 'invalid_union':
      return 'has none of the forms that are allowed here';
    default:
      return undefined;
  }
}

/** Makes every schema use this wording, unless the schema has a message for the fault. */
z.config({ customError: wordsOf });
