import { Agent } from 'node:http';
import express from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';
import { BENCH_PORT, BENCH_UPSTREAM, isKnownKey, MAX_BODY_BYTES, signHeaders } from './node-gateway.ts';

/** A gateway as one puts it together on Express: key check, SigV4, `http-proxy-middleware`. */
const app = express();
app.use((request, response, next) => {
  if (isKnownKey(request.headers['x-api-key'])) next();
  else response.status(403).json({ message: 'Forbidden' });
});
app.use(express.raw({ type: () => true, limit: MAX_BODY_BYTES }));
app.use(
  createProxyMiddleware({
    target: BENCH_UPSTREAM,
    changeOrigin: true,
    agent: new Agent({ keepAlive: true }),
    on: {
      proxyReq(outgoing, request) {
        const body = 'body' in request && request.body instanceof Buffer ? request.body : Buffer.alloc(0);
        outgoing.removeHeader('x-api-key');
        const headers = signHeaders(outgoing.method, outgoing.path, body);
        for (const [name, value] of Object.entries(headers)) outgoing.setHeader(name, value);
        outgoing.write(body);
      },
    },
  }),
);
const server = app.listen(Number(BENCH_PORT), '127.0.0.1');
server.keepAliveTimeout = 3_600_000;
