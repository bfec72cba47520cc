import aws4 from 'aws4';

/** An AWS key pair. */
export interface KeyPair {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Any pair works until moto is set to check it. */
const ANYBODY: KeyPair = { accessKeyId: 'test', secretAccessKey: 'test' };
const IAM_VERSION = '2010-05-08';

/** From here on moto computes each signature again, by botocore, and refuses what is not the same. */
export const checkSignatures = async (url: string): Promise<void> => {
  await post(`${url}/moto-api/reset-auth`, '0');
};

/** Gives moto a function and a user who may call it. @returns the user's key pair. */
export async function prepareMoto(
  url: string,
  { accountId, functionName }: { readonly accountId: string; readonly functionName: string },
): Promise<KeyPair> {
  await post(`${url}/moto-api/config`, JSON.stringify({ lambda: { use_docker: false } }));
  const trust = JSON.stringify({ Version: '2012-10-17', Statement: [] });
  await iam(url, { Action: 'CreateRole', RoleName: 'runs', AssumeRolePolicyDocument: trust });
  await createFunction(url, functionName, `arn:aws:iam::${accountId}:role/runs`);
  await iam(url, { Action: 'CreateUser', UserName: 'postern' });
  // Its name for the action is `lambda:Invoke`, which AWS does not have.
  const may = { Effect: 'Allow', Action: 'lambda:*', Resource: '*' };
  await iam(url, {
    Action: 'PutUserPolicy',
    UserName: 'postern',
    PolicyName: 'invoke',
    PolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: [may] }),
  });
  const made = await iam(url, { Action: 'CreateAccessKey', UserName: 'postern' });
  const read = (member: string) => new RegExp(`<${member}>([^<]+)<`).exec(made)?.[1] ?? '';
  return { accessKeyId: read('AccessKeyId'), secretAccessKey: read('SecretAccessKey') };
}

async function createFunction(url: string, name: string, role: string): Promise<void> {
  // Moto wants a ZIP; an empty archive is one (its end record alone).
  const emptyZip = Buffer.concat([Buffer.from('PK\x05\x06'), Buffer.alloc(18)]).toString('base64');
  const document = { FunctionName: name, Role: role, Runtime: 'nodejs22.x', Handler: 'index.handler' };
  const body = JSON.stringify({ ...document, Code: { ZipFile: emptyZip } });
  await signed(url, 'lambda', '/2015-03-31/functions', body, 'application/json');
}

const iam = (url: string, members: Record<string, string>): Promise<string> => {
  const body = new URLSearchParams({ Version: IAM_VERSION, ...members }).toString();
  return signed(url, 'iam', '/', body, 'application/x-www-form-urlencoded');
};

function signed(url: string, service: string, path: string, body: string, type: string): Promise<string> {
  const { host } = new URL(url);
  const options = { service, region: 'us-east-1', method: 'POST', host, path, body, headers: { 'content-type': type } };
  const { headers } = aws4.sign(options, ANYBODY);
  return post(`${url}${path}`, body, headers as Record<string, string>);
}

async function post(url: string, body: string, headers: Record<string, string> = {}): Promise<string> {
  const { Host: _host, ...sent } = headers;
  const answer = await fetch(url, { method: 'POST', headers: sent, body });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`moto answered ${url} with ${answer.status}: ${text}`);
  return text;
}
