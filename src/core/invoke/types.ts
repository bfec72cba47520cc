/** The operations of Lambda's API that run a function. */
export type Operation = 'Invoke' | 'InvokeWithResponseStream' | 'InvokeAsync';

/** API_Invoke, InvocationType. The values are case-sensitive, and in the order of the service's own message (recorded). */
export const INVOCATION_TYPES = ['DryRun', 'RequestResponse', 'Event'] as const;
export type InvocationType = (typeof INVOCATION_TYPES)[number];

/**
 * The values of a rule's `types`: the ways in which a call can run its function. A response stream is a separate type,
 * because a stream can carry more than a buffered answer (200 MB) and has a different path.
 */
export const RULE_TYPES = [...INVOCATION_TYPES, 'ResponseStream'] as const;
export type RuleType = (typeof RULE_TYPES)[number];

/** Returns the type by which rules select a call. A dry run runs nothing, so a streaming dry run counts as `DryRun`. */
export const ruleTypeOf = (operation: Operation, type: InvocationType): RuleType =>
  operation === 'InvokeWithResponseStream' && type !== 'DryRun' ? 'ResponseStream' : type;

/** API_InvokeWithResponseStream, InvocationType. `Event` is not a value, because nobody would read the stream. */
export const STREAMED_INVOCATION_TYPES = ['DryRun', 'RequestResponse'] as const satisfies readonly InvocationType[];

/** API_Invoke, LogType: "Valid Values: None | Tail". Case-sensitive. */
export const LOG_TYPES = ['None', 'Tail'] as const;
export type LogType = (typeof LOG_TYPES)[number];

export const isInvocationType = (text: string): text is InvocationType =>
  (INVOCATION_TYPES as readonly string[]).includes(text);
