import * as z from 'zod';

/** Maximum length of the name of a tenant or a key, in characters. */
export const NAME_LENGTH = 128;

/**
 * Control characters, format characters and line separators (`\p{Cc}\p{Cf}\p{Zl}\p{Zp}`). These characters can make a
 * name look like another name, or reverse the text around the name. They are spelled out, because the OpenAPI document
 * gives the pattern to programs whose regular expressions have no `\p`.
 */
const UNSEEN =
  '\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u0600-\\u0605\\u061c\\u06dd\\u070f\\u0890\\u0891\\u08e2\\u180e\\u200b-\\u200f' +
  '\\u2028-\\u202e\\u2060-\\u2064\\u2066-\\u206f\\ufeff\\ufff9-\\ufffb';
/**
 * The same kinds of characters beyond U+FFFF. They are not in the pattern, because programs that count UTF-16 units
 * would read the pattern differently.
 */
const UNSEEN_BEYOND =
  /[\u{110bd}\u{110cd}\u{13430}-\u{1343f}\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}]/u;

/** The characters of `\p{White_Space}` that are not in `UNSEEN`. */
const SPACES = '\\u0020\\u00a0\\u1680\\u2000-\\u200a\\u202f\\u205f\\u3000';

export const OPTIONAL_NAME = new RegExp(`^[^${UNSEEN}]*$`, 'u');
/**
 * A name: only visible characters and spaces, with at least one visible character. (Linear time: each text matches in
 * only one way.)
 */
export const NAME = new RegExp(`^[${SPACES}]*[^${UNSEEN}${SPACES}][^${UNSEEN}]*$`, 'u');

/** A name of at most `NAME_LENGTH` code points. Spaces around it are removed after the checks. */
export const nameOf = (pattern: RegExp, message: string) =>
  z
    .string()
    .regex(pattern, message)
    .refine((text) => text.isWellFormed(), 'must be valid Unicode (no lone surrogates)')
    .refine((text) => !UNSEEN_BEYOND.test(text), message)
    .refine((text) => [...text].length <= NAME_LENGTH, `must have at most ${NAME_LENGTH} characters`)
    .meta({ maxLength: NAME_LENGTH })
    .trim();
