import type { Permit } from './authorize.ts';

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
 * A function's real name by itself, a region, and account ids that the policy does not name are not hidden.
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
    const withoutArns = text.replace(ARN, (_arn, service: string, account: string, resource = '') => {
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
      return hide(isCut ? text.replace(LEADING_WORD, HIDDEN) : hideCutAccount(text, hiddenAccounts));
    },
  };
}

/** Hides the end of an account id with which a text begins. */
function hideCutAccount(text: string, accounts: readonly string[]): string {
  const digits = /^\d{1,11}(?!\d)/.exec(text)?.[0] ?? '';
  const isCut = digits !== '' && accounts.some((account) => account.endsWith(digits));
  return isCut ? HIDDEN + text.slice(digits.length) : text;
}
