import { audit } from './audit/audit.ts';
import { explain } from './explain/explain.ts';
import { gateway } from './gateway/gateway.ts';
import type { Handlers } from './handler.ts';
import { keys } from './keys/keys.ts';
import type { OPERATIONS } from './operations.ts';
import { tenants } from './tenants/tenants.ts';
import { tokens } from './tokens/tokens.ts';
import { usage } from './usage/usage.ts';

/** The handler of each operation. The compiler reports a missing handler. */
export const HANDLERS: Handlers<typeof OPERATIONS> = {
  ...gateway,
  ...tenants,
  ...keys,
  ...audit,
  ...tokens,
  ...explain,
  ...usage,
};
