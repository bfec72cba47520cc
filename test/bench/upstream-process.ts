import { createServer } from 'node:http';

/**
 * A Lambda that answers at once: it reads the body, and answers a small JSON document with the service's headers. A
 * process of its own, on the port that is its argument.
 */
const ANSWER = Buffer.from('{"statusCode":200,"message":"done","items":[1,2,3]}');

let calls = 0;
const server = createServer((request, response) => {
  calls += 1;
  const requestId = `6f2c1a90-0000-4000-8000-${calls.toString(16).padStart(12, '0')}`;
  request.resume().on('end', () => {
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': ANSWER.length,
      'x-amzn-requestid': requestId,
      'x-amz-executed-version': '$LATEST',
    });
    response.end(ANSWER);
  });
});
// A connection that sits idle between two rounds must not be closed under a server that would use it again.
server.keepAliveTimeout = 3_600_000;
server.requestTimeout = 0;
server.listen(Number(process.argv[2]), '127.0.0.1');
