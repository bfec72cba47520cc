import type { Permit } from './permit.ts';

/** The text that replaces each hidden part. */
export const HIDDEN = '************';

const COLON = '(?::|%3a)';
const ARN = new RegExp(
  `arn${COLON}aws[a-z-]*${COLON}([a-z0-9-]*)${COLON}[a-z0-9-]*${COLON}([\\d*-]*)${COLON}((?:[\\w\\-.$:/+=@*]|%3a|%2f)*[\\w\\-$/+=@*])?`,
  'gi',
);
const FUNCTION = new RegExp(`^function${COLON}([\\w\\-.]+?)((?:${COLON}[\\w$.-]+?)?)(/.*)?$`, 'i');
const LOG_GROUP = /(\/aws\/lambda\/)[\w\-./]+/g;
/** Matches the characters of names, numbers and ARNs at the start of a text. */
const LEADING_WORD = /^[\w\-.$:/+=@*%]+/;
/** A log tail of at least this many characters counts as cut. The service keeps the last 4 KB, and may cut anywhere. */
const MIN_CUT_LENGTH = 4_000;

/** A character that JSON has escaped, possibly more than once (JSON within JSON). */
const ESCAPED = /\\+(?:u00([2-7][\da-f])|\/)/gi;
const HIDEABLE = /[\w\-.$:/+=@*% ]/;

/** Decodes JSON escapes of the characters that names, numbers and ARNs are made of. Leaves other escapes as they are. */
const unescapeJson = (text: string): string =>
  text.replace(ESCAPED, (escaped, hex?: string) => {
    const char = hex === undefined ? '/' : String.fromCharCode(Number.parseInt(hex, 16));
    return HIDEABLE.test(char) ? char : escaped;
  });

export interface PlaceHider {
  /** Hides every place in a text. */
  hide(text: string): string;
  /** Hides every place in a log tail. A log tail may begin in the middle of an ARN or account id. */
  hideLogTail(text: string): string;
}

/**
 * Creates a hider for a tenant with published names. The hider removes the parts of a text that tell a caller where
 * functions live, no matter who wrote the text:
 * - AWS ARNs. The ARN of the called function becomes the name that the caller gave, and keeps anything after a `/`. Any
 *   other ARN, of any service and account, is hidden as a whole.
 * - The account ids of the tenant's home, of the places in its rules and published targets, and of the called function.
 *   These ids are also hidden inside longer numbers, and if written as `1234-5678-9012` or `1234 5678 9012`.
 * - The names of log groups (`/aws/lambda/...`).
 *
 * A character that JSON escapes (`\\u0031`) counts as the character itself. Not hidden: a function's real name by itself, a
 * region, account ids that the policy does not name, and text in an encoding that Lambda does not write, such as UTF-16.
 */
export function createPlaceHider({
  target,
  givenName,
  hiddenAccounts = [],
}: Pick<Permit, 'target' | 'givenName' | 'hiddenAccounts'>): PlaceHider {
  const spelled = hiddenAccounts.map((id) => `${id.slice(0, 4)}[- ]?${id.slice(4, 8)}[- ]?${id.slice(8)}`);
  const accounts = spelled.length > 0 ? new RegExp(spelled.join('|'), 'g') : undefined;
  const blot = (text: string) => (accounts ? text.replace(accounts, HIDDEN) : text);
  const label = blot(givenName.replace(ARN, HIDDEN));

  const hide = (text: string) => {
    const withoutArns = unescapeJson(text).replace(ARN, (_arn, service: string, account: string, resource = '') => {
      const [, name, , rest = ''] = FUNCTION.exec(resource as string) ?? [];
      const isTarget = service.toLowerCase() === 'lambda' && account === target.account && name === target.name;
      return isTarget ? label + rest : HIDDEN;
    });
    return blot(withoutArns).replace(LOG_GROUP, `$1${HIDDEN}`);
  };
  return {
    hide,
    hideLogTail(text) {
      const isCut = text.length >= MIN_CUT_LENGTH;
      const plain = unescapeJson(text);
      return hide(isCut ? plain.replace(LEADING_WORD, HIDDEN) : hideCutAccount(plain, hiddenAccounts));
    },
  };
}

/** Hides the last digits of an account id at the start of a text. */
function hideCutAccount(text: string, accounts: readonly string[]): string {
  const digits = /^\d{1,11}(?!\d)/.exec(text)?.[0] ?? '';
  const isCut = digits !== '' && accounts.some((account) => account.endsWith(digits));
  return isCut ? HIDDEN + text.slice(digits.length) : text;
}
