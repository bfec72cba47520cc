import type { TrustedIssuer } from './issuers.ts';

/** GitHub Actions: of github.com (an enterprise may have a path of its own), and of a GitHub Enterprise Server. */
const GITHUB = /^https:\/\/(token\.actions\.githubusercontent\.com(\/[\w.-]+)?|[^/]+\/_services\/token)$/;
/** Claims of a GitHub token that hold a number, which is never given to another repository, owner or enterprise. */
const ID_CLAIMS = ['repository_id', 'repository_owner_id', 'enterprise_id'];
/** A subject that begins with an owner's number: `repo:acme@123456/orders@456789:ref:...`. */
const IMMUTABLE_SUBJECT = /^repo:[^/*@]+@\d+\//;

/** True if each token that an entry accepts must have a number for its repository or owner. */
function pinsGithubId({ claims }: TrustedIssuer): boolean {
  if (ID_CLAIMS.some((name) => claims[name]?.every((value) => /^\d+$/.test(value)))) return true;
  return claims.sub?.every((value) => IMMUTABLE_SUBJECT.test(value)) === true;
}

/**
 * Warns about issuers that are trusted by names which somebody else can get later. GitHub gives the name of a repository
 * or owner to anyone once it was renamed or deleted, and with it the same `sub`
 * (https://github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens/).
 *
 * @returns a sentence for each entry of `issuers` that does so, beginning with its JSON pointer.
 */
export const warnOfIssuers = (issuers: readonly TrustedIssuer[] = []): string[] =>
  issuers.flatMap((trusted, index) =>
    !GITHUB.test(trusted.issuer) || pinsGithubId(trusted)
      ? []
      : `#/issuers/${index}/claims names GitHub repositories only by name, and after a rename or deletion anyone can take a name. Require 'repository_id' and 'repository_owner_id' too: gh api repos/OWNER/NAME --jq '.id, .owner.id'`,
  );
