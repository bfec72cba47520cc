// A runtime by the Lambda Runtime API (2018-06-01): answers what it was called with, or fails when the event says so.
const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`;
const post = (path, document) => fetch(`${api}/${path}`, { method: 'POST', body: JSON.stringify(document) });

for (;;) {
  const next = await fetch(`${api}/next`);
  const id = next.headers.get('lambda-runtime-aws-request-id');
  const text = await next.text();
  const event = text === '' ? null : JSON.parse(text);
  if (event?.fail) await post(`${id}/error`, { errorType: 'Error', errorMessage: 'This function always fails.' });
  else if (event?.length) await post(`${id}/response`, { bytes: text.length });
  else await post(`${id}/response`, { event, clientContext: next.headers.get('lambda-runtime-client-context') });
}
