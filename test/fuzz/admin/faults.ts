import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An answer on its way back. */
interface Passed {
  status: number;
  body: string;
}

/** A fault that schemathesis has to find: where it is planted, what it does, and how it is reported. */
export interface PlantedFault {
  readonly name: string;
  /** Its operation id there, and its method. */
  readonly operation: string;
  readonly method: string;
  /** As the document writes it, below `/admin/v1`. */
  readonly path: string;
  readonly plant: (answer: Passed) => void;
  /** What the report says of it. */
  readonly report: RegExp;
}

export const PLANTED_FAULTS: readonly PlantedFault[] = [
  {
    name: 'a status that is in no document',
    operation: 'readGatewayAudit',
    method: 'GET',
    path: '/audit',
    plant: (answer) => {
      if (answer.status === 200) answer.status = 206;
    },
    report: /Undocumented status code/,
  },
  {
    name: 'an answer without a member that it must have',
    operation: 'listTenants',
    method: 'GET',
    path: '/tenants',
    plant: (answer) => {
      if (answer.status !== 200) return;
      const { cursor: _cursor, ...rest } = JSON.parse(answer.body) as Record<string, unknown>;
      answer.body = JSON.stringify(rest);
    },
    report: /Response violates schema/,
  },
  {
    name: 'an operation that fails',
    operation: 'createAdminToken',
    method: 'POST',
    path: '/admin-tokens',
    plant: (answer) => {
      if (answer.status === 201) Object.assign(answer, { status: 500, body: '{"type":"about:blank"}' });
    },
    report: /Server error/,
  },
];

const read = async (message: IncomingMessage): Promise<Buffer> => {
  const pieces: Buffer[] = [];
  for await (const piece of message) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
};

/** A proxy in front of a gateway, with one fault planted in it. */
export async function startFaultyProxy(gateway: string, fault: PlantedFault) {
  const server = createServer(async (incoming, outgoing) => {
    const { hostname, port } = new URL(gateway);
    const { method, url: path, headers } = incoming;
    const body = await read(incoming);
    // A fault is planted into the text itself.
    const plain = { ...headers, 'accept-encoding': 'identity' };
    const forwarded = httpRequest({ hostname, port, method, path, headers: plain, agent: false });
    forwarded.on('error', () => outgoing.destroy());
    forwarded.on('response', async (response) => {
      const answer: Passed = { status: response.statusCode ?? 502, body: String(await read(response)) };
      const isPlanted = method === fault.method && path?.split('?')[0] === `/admin/v1${fault.path}`;
      if (isPlanted) fault.plant(answer);
      const { 'content-length': _length, 'transfer-encoding': _coding, ...passed } = response.headers;
      outgoing.writeHead(answer.status, passed).end(answer.body);
    });
    forwarded.end(body);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
