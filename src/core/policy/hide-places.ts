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
/** What a name, a number or an ARN is made of. */
const LEADING_WORD = /^[\w\-.$:/+=@*%]+/;
/** The service cuts a log tail to its last 4 KB, wherever that is. */
const MIN_CUT_LENGTH = 4_000;

/** A character as JSON may escape it, also in JSON within JSON. */
const ESCAPED = /\\+(?:u00([2-7][\da-f])|\/)/gi;
const HIDEABLE = /[\w\-.$:/+=@*% ]/;

/** Writes out what a reader of JSON would see, as far as names, numbers and ARNs are made of it. */
const unescapeJson = (text: string): string =>
  text.replace(ESCAPED, (escaped, hex?: string) => {
    const char = hex === undefined ? '/' : String.fromCharCode(Number.parseInt(hex, 16));
    return HIDEABLE.test(char) ? char : escaped;
  });

export interface PlaceHider {
  /** Hides what is in a text. */
  hide(text: string): string;
  /** The same for a log tail, which may begin in the middle of what is to be hidden. */
  hideLogTail(text: string): string;
}

/**
 * Takes out of a text what tells a caller of published names where functions live, no matter who wrote it:
 * - any ARN of AWS: the called function's becomes the name that the caller gave, with what follows it behind a `/`;
 *   any other, of whatever service and account, goes whole;
 * - the account ids of the tenant's home, of the places in its rules and published targets, and of the called function;
 *   also written as `1234-5678-9012`, and inside longer numbers;
 * - the names of log groups (`/aws/lambda/...`).
 *
 * Characters that JSON escapes (`\\u0031`) count as themselves. Not hidden: a function's real name by itself, a region,
 * account ids that the policy does not name, and anything in an encoding that Lambda does not write, such as UTF-16.
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

/** Hides the end of an account id with which a text begins. */
function hideCutAccount(text: string, accounts: readonly string[]): string {
  const digits = /^\d{1,11}(?!\d)/.exec(text)?.[0] ?? '';
  const isCut = digits !== '' && accounts.some((account) => account.endsWith(digits));
  return isCut ? HIDDEN + text.slice(digits.length) : text;
}
