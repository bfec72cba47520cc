/** Passes a request on to the upstream, and nothing else: what any gateway on workerd costs at least. */
export default {
  fetch(request: Request, { UPSTREAM }: { readonly UPSTREAM: string }): Promise<Response> {
    const path = request.url.slice(request.url.indexOf('/', 'http://'.length));
    return fetch(new Request(UPSTREAM + path, request));
  },
};
