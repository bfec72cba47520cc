import { Readable } from 'node:stream';
import proxy from '@fastify/http-proxy';
import Fastify from 'fastify';
import { BENCH_PORT, BENCH_UPSTREAM, isKnownKey, MAX_BODY_BYTES, signHeaders } from './node-gateway.ts';

/** A gateway as one puts it together of Fastify's own parts: key check, SigV4, proxy. */
const app = Fastify({ bodyLimit: MAX_BODY_BYTES, keepAliveTimeout: 3_600_000 });
const bodies = new WeakMap<object, Buffer>();
app.removeAllContentTypeParsers();
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
app.register(proxy, {
  upstream: BENCH_UPSTREAM,
  proxyPayloads: false,
  async preHandler(request, reply) {
    if (!isKnownKey(request.headers['x-api-key'])) return reply.code(403).send({ message: 'Forbidden' });
    const body = request.body instanceof Buffer ? request.body : Buffer.alloc(0);
    bodies.set(request, body);
    // A buffer that is called JSON would be encoded once more.
    request.body = Readable.from(body);
  },
  replyOptions: {
    rewriteRequestHeaders: (request) =>
      signHeaders(request.method, request.url, bodies.get(request) ?? Buffer.alloc(0)),
  },
});
await app.listen({ host: '127.0.0.1', port: Number(BENCH_PORT) });
