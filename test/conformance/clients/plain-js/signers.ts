import { request as httpRequest } from 'node:http';
import { buffer } from 'node:stream/consumers';
import aws4 from 'aws4';
import { AwsV4Signer } from 'aws4fetch';

/** A request before it is signed. */
export interface PlainRequest {
  readonly origin: string;
  /** With its query, as it is to go out. */
  readonly path: string;
  /** Lines, in their order. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer | undefined;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly date: Date;
  /** Whether the signature goes into the query. */
  readonly presigned: boolean;
  /** How long a presigned request lives; undefined leaves X-Amz-Expires out. */
  readonly expiresSeconds: number | undefined;
}

export interface PlainAnswer {
  readonly status: number;
  readonly header: (name: string) => string | undefined;
  readonly body: Buffer;
}

/** Signs a request with a library, and sends it. */
export interface Signer {
  send(request: PlainRequest): Promise<PlainAnswer>;
}

const amzDate = (date: Date): string => date.toISOString().replace(/[-:]|\.\d{3}/g, '');

/** A path that says how long its presigned request lives. */
const withLife = ({ path, presigned, expiresSeconds }: PlainRequest): string =>
  presigned && expiresSeconds !== undefined
    ? `${path}${path.includes('?') ? '&' : '?'}X-Amz-Expires=${expiresSeconds}`
    : path;

const byAws4: Signer = {
  async send(request) {
    const { hostname, host, port } = new URL(request.origin);
    const headers: Record<string, string | string[]> = { host, 'x-amz-date': amzDate(request.date) };
    for (const [name, value] of request.headers) {
      const earlier = headers[name];
      headers[name] = earlier === undefined ? value : [...[earlier].flat(), value];
    }
    if (request.presigned) delete headers['x-amz-date'];
    const date = request.presigned
      ? `${request.path.includes('?') ? '&' : '?'}X-Amz-Date=${amzDate(request.date)}`
      : '';
    const { region, presigned: signQuery, body } = request;
    const signed = aws4.sign(
      {
        service: 'lambda',
        region,
        signQuery,
        method: 'POST',
        path: withLife({ ...request, path: `${request.path}${date}` }),
        headers: headers as Record<string, string>,
        ...(body && { body }),
      },
      request.credentials,
    );
    return new Promise((done, reject) => {
      const { path, headers: sent } = signed;
      const outgoing = httpRequest({ hostname, port, path, method: 'POST', headers: sent ?? {} });
      outgoing.on('error', reject).on('response', async (response) => {
        const header = (name: string) => response.headers[name]?.toString();
        buffer(response).then((read) => done({ status: response.statusCode ?? 0, header, body: read }), reject);
      });
      outgoing.end(body);
    });
  },
};

const byAws4fetch: Signer = {
  async send(request) {
    const { region, credentials, body, date, presigned: signQuery } = request;
    const headers = new Headers();
    for (const [name, value] of request.headers) headers.append(name, value);
    const signer = new AwsV4Signer({
      url: `${request.origin}${withLife(request)}`,
      method: 'POST',
      headers,
      ...(body && { body }),
      ...credentials,
      region,
      service: 'lambda',
      signQuery,
      datetime: amzDate(date),
    });
    const { url, ...init } = await signer.sign();
    const response = await fetch(url, { ...init, redirect: 'manual' });
    const header = (name: string) => response.headers.get(name) ?? undefined;
    return { status: response.status, header, body: Buffer.from(await response.arrayBuffer()) };
  },
};

/** The signers that can be asked for, each with the way of sending that its README shows. */
export const SIGNERS: Readonly<Record<string, Signer>> = { aws4: byAws4, aws4fetch: byAws4fetch };
