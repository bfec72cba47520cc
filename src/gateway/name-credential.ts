import { parseBearer } from '../edge/bearer.ts';

/** Names the credential that a refused request has, as the first words of a sentence. Never quotes it. */
export function nameCredential({ headers, url }: Request): string {
  if (headers.get('x-api-key')) return "The key in 'x-api-key'";
  if (/[?&]X-Amz-Algorithm=/.test(url)) return "The access key id in 'X-Amz-Credential'";
  const authorization = headers.get('authorization') ?? '';
  if (/^AWS\d/.test(authorization)) return "The access key id in 'Authorization'";
  const bearer = parseBearer(authorization);
  if (bearer === undefined) return "The value of 'Authorization'";
  // The form of a token; whether it is one does not matter here.
  return bearer.startsWith('eyJ') ? "The token in 'Authorization'" : "The key in 'Authorization'";
}
