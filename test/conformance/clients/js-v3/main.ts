import { readFile } from 'node:fs/promises';
import manifest from '../../../../node_modules/@aws-sdk/client-lambda/package.json' with { type: 'json' };
import type { Case } from '../../../../src/cli/conformance/case.ts';
import { type KeyPair, runCase } from '../../../../src/cli/conformance/interpret.ts';

// The interpreter is the one of `postern conformance`; here it is a client among the others.
const setting = (name: string): string => process.env[name] ?? '';
const keyPair = (prefix: string): KeyPair => ({
  accessKeyId: setting(`${prefix}_ACCESS_KEY_ID`),
  secretAccessKey: setting(`${prefix}_SECRET_ACCESS_KEY`),
});
const target = {
  endpoint: setting('POSTERN_ENDPOINT'),
  throttleEndpoint: setting('POSTERN_THROTTLE_ENDPOINT'),
  region: setting('AWS_REGION'),
  credentials: keyPair('AWS'),
  otherCredentials: keyPair('OTHER'),
};

console.log(JSON.stringify({ sdk: `@aws-sdk/client-lambda ${manifest.version}`, runtime: `Node ${process.version}` }));
for (const one of JSON.parse(await readFile(process.argv[2] ?? '', 'utf8')) as Case[]) {
  console.log(JSON.stringify(await runCase(one, target)));
}
