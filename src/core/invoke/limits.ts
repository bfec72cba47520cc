/** Every number of the Invoke contract. Each has its unit in its name and its source in its comment. */
export const INVOKE_LIMITS = {
  /** API_Invoke, FunctionName: "If you specify only the function name, it is limited to 64 characters in length". */
  maxBareNameLength: 64,
  /** API_Invoke, FunctionName: "Maximum length of 170". */
  maxFunctionNameLength: 170,
  /** The maximum of `POSTERN_MAX_FUNCTION_NAME_LENGTH`. Lambda service model since 2025-12-01, FunctionName: 1 to 256. */
  maxFunctionNameLengthCeiling: 256,
  /** API_Invoke, Qualifier: "Minimum length of 1. Maximum length of 128". */
  maxQualifierLength: 128,
  /** API_Invoke, ClientContext: "Up to 3583 bytes of base64-encoded data". */
  maxClientContextBytes: 3_583,
  /** The Lambda service model, TenantId: length 1 to 256. */
  maxTenantIdLength: 256,
  /** The Lambda service model, DurableExecutionName: length 1 to 64. */
  maxDurableExecutionNameLength: 64,
  /** Lambda quotas, "Invocation payload (request and response)": 6 MB. The service's own message: 6291456 bytes. */
  maxSyncPayloadBytes: 6_291_456,
  /** Lambda quotas since 2025-10-28: 1 MB for asynchronous calls. The service's own message: limit 1048576 bytes. */
  maxEventPayloadBytes: 1_048_576,
  /** API_InvokeAsync: "the payload limit is 256KB". */
  maxInvokeAsyncPayloadBytes: 262_144,
} as const;
