/** The operations of Lambda's API that run a function. */
export type Operation = 'Invoke' | 'InvokeWithResponseStream' | 'InvokeAsync';

/** API_Invoke, InvocationType: "Valid Values: Event | RequestResponse | DryRun". Case-sensitive. */
export const INVOCATION_TYPES = ['RequestResponse', 'Event', 'DryRun'] as const;
export type InvocationType = (typeof INVOCATION_TYPES)[number];

/** API_InvokeWithResponseStream, InvocationType: a stream has nobody to go to later, so no `Event`. */
export const STREAMED_INVOCATION_TYPES = ['RequestResponse', 'DryRun'] as const satisfies readonly InvocationType[];

/** API_Invoke, LogType: "Valid Values: None | Tail". Case-sensitive. */
export const LOG_TYPES = ['None', 'Tail'] as const;
export type LogType = (typeof LOG_TYPES)[number];

export const isInvocationType = (text: string): text is InvocationType =>
  (INVOCATION_TYPES as readonly string[]).includes(text);

export const isLogType = (text: string): text is LogType => (LOG_TYPES as readonly string[]).includes(text);
