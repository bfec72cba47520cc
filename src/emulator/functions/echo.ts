/** Answers the event and parts of the context, so that a caller sees what a function receives. */
export const handler = async (event: unknown, context: Record<string, unknown>) => {
  const { functionName, functionVersion, invokedFunctionArn, awsRequestId, clientContext, tenantId } = context;
  const traceId = context.xRayTraceId;
  return {
    event,
    context: { functionName, functionVersion, invokedFunctionArn, awsRequestId, clientContext, tenantId, traceId },
  };
};
