import { createHash } from 'node:crypto';
import { mintKeyId, mintTenantId } from '../../src/core/identity/ids.ts';
import { deriveSecretAccessKey } from '../../src/core/identity/keys.ts';
import { parseRootKeys } from '../../src/core/identity/root-keys.ts';
import { parseQuery } from '../../src/core/query.ts';
import { checkClaim } from '../../src/core/signature/check-claim.ts';
import { parseClaim } from '../../src/core/signature/claim.ts';
import { keyCrypto } from '../../src/edge/key-crypto.ts';
import { createKeyring } from '../../src/edge/keyring.ts';
import { beginProof } from '../../src/gateway/verify-signature.ts';
import { createLambdaSigner } from '../../src/upstream/sign.ts';

const parsed = parseRootKeys(`1:${btoa('0123456789abcdefghijklmnopqrstuv')}`);
if (!parsed.ok) throw new Error(parsed.error);
const rootKeys = parsed.value;
const tenantId = mintTenantId(keyCrypto, rootKeys, 'b', new Uint8Array(10));
const keyId = mintKeyId(keyCrypto, rootKeys, tenantId, new Uint8Array(5));
const secretAccessKey = deriveSecretAccessKey(keyCrypto, { keyId, rootKey: rootKeys.minting });

const keyring = createKeyring(keyCrypto, rootKeys);

const HOST = 'gateway.example';
const PATH = '/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Aorders/invocations';
const BODY = JSON.stringify({ text: 'x'.repeat(189) });
const bodySha256 = createHash('sha256').update(BODY).digest('hex');

const sign = createLambdaSigner({ accessKeyId: keyId, secretAccessKey });
const signOnce = () =>
  sign(
    {
      host: HOST,
      region: 'us-east-1',
      path: PATH,
      headers: { 'content-type': 'application/json', 'x-amz-invocation-type': 'RequestResponse' },
      bodySha256,
    },
    Date.now(),
  );

/** All that the gateway does to prove a signed caller: parse, check, find the key, sign again, compare. */
async function verifyOnce(headers: Headers): Promise<void> {
  const query = parseQuery('');
  if (!query) throw new Error('not a query');
  const claim = parseClaim({
    authorization: headers.get('authorization') ?? undefined,
    query,
    header: (name) => headers.get(name) ?? undefined,
  });
  if (!claim.ok) throw new Error(claim.error.message);
  const mistake = checkClaim(claim.value, Date.now());
  const key = keyring.find(claim.value.keyId);
  if (mistake || !key) throw new Error('not identified');
  const head = {
    claim: claim.value,
    method: 'POST',
    rawPath: PATH,
    query,
    headers,
    clientAcceptEncoding: undefined,
  };
  const begun = beginProof(head, key.secretAccessKey, keyCrypto);
  const refusal = begun.ok ? begun.value({ bytes: BODY.length, sha256: bodySha256 }) : begun.error;
  if (refusal) throw new Error(refusal.message);
}

/** Runs one of the two a given number of times. The client measures the time. */
export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const times = Number(searchParams.get('times'));
    const headers = new Headers({ ...(await signOnce()), host: HOST });
    for (let time = 0; time < times; time++) {
      if (pathname === '/sign') await signOnce();
      else await verifyOnce(headers);
    }
    return new Response('done');
  },
};
