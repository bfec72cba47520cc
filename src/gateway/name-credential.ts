import { parseBearer } from '../edge/bearer.ts';

const ACCESS_KEY_ID = /^k\d{1,4}_t/;
const nameKey = (text: string) => (ACCESS_KEY_ID.test(text) ? 'access key id' : 'key');

/** Describes the credential of a refused request, as the first words of a sentence. Never quotes the credential. */
export function nameCredential({ headers, url }: Request): string {
  const apiKey = headers.get('x-api-key');
  if (apiKey) return `The ${nameKey(apiKey)} in 'x-api-key'`;
  if (/[?&]X-Amz-Algorithm=/.test(url)) return "The access key id in 'X-Amz-Credential'";
  const authorization = headers.get('authorization') ?? '';
  if (/^AWS\d/.test(authorization)) return "The access key id in 'Authorization'";
  const bearer = parseBearer(authorization);
  if (bearer === undefined) return "The value of 'Authorization'";
  // The text looks like a token. Whether the token is valid does not matter here.
  return bearer.startsWith('eyJ') ? "The token in 'Authorization'" : `The ${nameKey(bearer)} in 'Authorization'`;
}
