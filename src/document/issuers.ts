import * as z from 'zod';
import { MAX_CLAIM_LENGTH } from '../core/identity/issuers.ts';
import { isLoopback } from '../edge/plain-http.ts';
import { NAME_LENGTH } from './names.ts';

const MAX_ISSUERS = 10;
const MAX_ISSUER_LENGTH = 512;
const MAX_CLAIMS = 10;
const MAX_VALUES = 50;

/**
 * True for an issuer's URL (OpenID Connect Core 1.0, 2): https, with no query or fragment. Plain HTTP is allowed only
 * for a loopback host.
 */
const isIssuerUrl = (text: string): boolean =>
  /^https?:\/\/[^\s?#@]+$/.test(text) && URL.canParse(text) && (text.startsWith('https:') || isLoopback(text));

const Claim = z
  .string()
  .min(1, 'must not be empty')
  .max(MAX_CLAIM_LENGTH)
  .meta({ description: 'An accepted value. `*` matches any characters.' });

const Issuer = z
  .strictObject({
    issuer: z
      .string()
      .max(MAX_ISSUER_LENGTH)
      .refine(
        isIssuerUrl,
        "must be the issuer's https URL exactly as in a token's 'iss', such as https://login.example.com, without query or fragment",
      )
      .meta({ description: 'The `iss` of its tokens: an https URL.' }),
    jwksUri: z
      .string()
      .max(MAX_ISSUER_LENGTH)
      .refine(
        (text) =>
          /^https?:\/\/[^\s#@]+$/.test(text) && URL.canParse(text) && (text.startsWith('https:') || isLoopback(text)),
        'must be an https URL, such as https://www.example.com/keys',
      )
      .optional()
      .meta({
        description:
          "The URL of the issuer's keys. Absent: the `jwks_uri` of its metadata, which must be on the issuer's own site and not be an IP address.",
      }),
    claims: z
      .record(
        z.string().min(1).max(NAME_LENGTH),
        z.array(Claim).min(1, 'must have at least one value').max(MAX_VALUES).readonly(),
      )
      .refine(
        (claims) => Object.keys(claims).length > 0,
        'must require at least one claim, such as {"sub": ["service-7"]}: at a public issuer, anyone can get a token for this tenant',
      )
      .refine((claims) => Object.keys(claims).length <= MAX_CLAIMS, `must require at most ${MAX_CLAIMS} claims`)
      .meta({
        description: 'Claims that a token must have. It must have all of them, each with one of its values.',
        examples: [{ repository_id: ['123456789'], repository_owner_id: ['87654321'] }],
      }),
  })
  .meta({ id: 'Issuer', description: 'An OpenID Connect issuer whose tokens are accepted in place of a key.' });

/** The OpenID Connect issuers whose tokens a tenant's callers may use. */
export const Issuers = z
  .array(Issuer)
  .max(MAX_ISSUERS)
  .readonly()
  .check(({ value, issues }) => {
    value.forEach(({ issuer, jwksUri }, index) => {
      if (value.find((other) => other.issuer === issuer)?.jwksUri === jwksUri) return;
      const message = 'must be the same in every entry for this issuer';
      issues.push({ code: 'custom', path: [index, 'jwksUri'], message, input: value });
    });
  })
  .meta({
    description:
      'OpenID Connect issuers whose tokens (`Authorization: Bearer`, `aud` = `postern:<tenant id>`) are accepted in place of a key. Absent: none.',
  });
