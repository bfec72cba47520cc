import { AUDIT_OPERATIONS } from './audit/operations.ts';
import { EXPLAIN_OPERATIONS } from './explain/operations.ts';
import { GATEWAY_OPERATIONS } from './gateway/operations.ts';
import { KEY_OPERATIONS } from './keys/operations.ts';
import { TENANT_OPERATIONS } from './tenants/operations.ts';
import { TOKEN_OPERATIONS } from './tokens/operations.ts';
import { USAGE_OPERATIONS } from './usage/operations.ts';

/** All operations of the admin API, by OpenAPI operation id. A new noun needs a folder, and lines here and in `HANDLERS`. */
export const OPERATIONS = {
  ...GATEWAY_OPERATIONS,
  ...TENANT_OPERATIONS,
  ...KEY_OPERATIONS,
  ...AUDIT_OPERATIONS,
  ...TOKEN_OPERATIONS,
  ...EXPLAIN_OPERATIONS,
  ...USAGE_OPERATIONS,
};
