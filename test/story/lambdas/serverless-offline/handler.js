// The functions of this emulator: svc-dev-hello, svc-dev-echo and svc-dev-fail.
exports.hello = async (event) => ({ message: `Hello, ${event?.name ?? 'world'}!` });
exports.echo = async (event, context) => ({
  event,
  functionName: context.functionName,
  clientContext: context.clientContext,
});
exports.fail = async () => {
  throw new Error('This function always fails.');
};
