/** The operations of Lambda's API that run a function. */
export type Operation = 'Invoke' | 'InvokeWithResponseStream' | 'InvokeAsync';

/** API_Invoke, InvocationType. Case-sensitive; in the order of the service's own message (recorded). */
export const INVOCATION_TYPES = ['DryRun', 'RequestResponse', 'Event'] as const;
export type InvocationType = (typeof INVOCATION_TYPES)[number];

/**
 * What a rule's `types` can name: how a call runs its function. A response stream is a type of its own, because it can
 * bring more than an answer can (200 MB), and comes by another path.
 */
export const RULE_TYPES = [...INVOCATION_TYPES, 'ResponseStream'] as const;
export type RuleType = (typeof RULE_TYPES)[number];

/** The type by which rules select a call. A dry run runs nothing, so one of the streaming operation is a `DryRun` too. */
export const ruleTypeOf = (operation: Operation, type: InvocationType): RuleType =>
  operation === 'InvokeWithResponseStream' && type !== 'DryRun' ? 'ResponseStream' : type;

/** API_InvokeWithResponseStream, InvocationType: a stream has nobody to go to later, so no `Event`. */
export const STREAMED_INVOCATION_TYPES = ['DryRun', 'RequestResponse'] as const satisfies readonly InvocationType[];

/** API_Invoke, LogType: "Valid Values: None | Tail". Case-sensitive. */
export const LOG_TYPES = ['None', 'Tail'] as const;
export type LogType = (typeof LOG_TYPES)[number];

export const isInvocationType = (text: string): text is InvocationType =>
  (INVOCATION_TYPES as readonly string[]).includes(text);
