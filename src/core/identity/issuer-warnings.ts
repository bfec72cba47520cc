import type { TrustedIssuer } from './issuers.ts';

/** The issuers of GitHub Actions tokens: github.com (an enterprise may have its own path) and GitHub Enterprise Servers. */
const GITHUB = /^https:\/\/(token\.actions\.githubusercontent\.com(\/[\w.-]+)?|[^/]+\/_services\/token)$/;
/** Claims of a GitHub token that hold the number of a repository, owner or enterprise. GitHub never reuses such a number. */
const ID_CLAIMS = ['repository_id', 'repository_owner_id', 'enterprise_id'];
/** A subject that contains the owner's number: `repo:acme@123456/orders@456789:ref:...`. */
const IMMUTABLE_SUBJECT = /^repo:[^/*@]+@\d+\//;

/** True if every token that an entry accepts must contain the number of its repository, owner or enterprise. */
function pinsGithubId({ claims }: TrustedIssuer): boolean {
  if (ID_CLAIMS.some((name) => claims[name]?.every((value) => /^\d+$/.test(value)))) return true;
  return claims.sub?.every((value) => IMMUTABLE_SUBJECT.test(value)) === true;
}

/**
 * Warns about trusted issuers whose claims only require names that somebody else can take later. After a repository or owner
 * is renamed or deleted, anyone can take the old name on GitHub, and gets tokens with the same `sub`
 * (https://github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens/).
 *
 * @returns a sentence for each such entry of `issuers`. The sentence begins with the entry's JSON pointer.
 */
export const warnOfIssuers = (issuers: readonly TrustedIssuer[] = []): string[] =>
  issuers.flatMap((trusted, index) =>
    !GITHUB.test(trusted.issuer) || pinsGithubId(trusted)
      ? []
      : `#/issuers/${index}/claims names GitHub repositories only by name, and after a rename or deletion anyone can take a name. Require 'repository_id' and 'repository_owner_id' too: gh api repos/OWNER/NAME --jq '.id, .owner.id'`,
  );
