/** Answers the event and what its context says, so that a caller sees what arrives at a function. */
export const handler = async (event: unknown, context: Record<string, unknown>) => {
  const { functionName, functionVersion, invokedFunctionArn, awsRequestId, clientContext, tenantId } = context;
  const traceId = context.xRayTraceId;
  return {
    event,
    context: { functionName, functionVersion, invokedFunctionArn, awsRequestId, clientContext, tenantId, traceId },
  };
};
