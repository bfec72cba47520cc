/** API_Invoke, InvocationType: "Valid Values: Event | RequestResponse | DryRun". Case-sensitive. */
export const INVOCATION_TYPES = ['RequestResponse', 'Event', 'DryRun'] as const;
export type InvocationType = (typeof INVOCATION_TYPES)[number];

/** API_Invoke, LogType: "Valid Values: None | Tail". Case-sensitive. */
export const LOG_TYPES = ['None', 'Tail'] as const;
export type LogType = (typeof LOG_TYPES)[number];

export const isInvocationType = (text: string): text is InvocationType =>
  (INVOCATION_TYPES as readonly string[]).includes(text);

export const isLogType = (text: string): text is LogType => (LOG_TYPES as readonly string[]).includes(text);
