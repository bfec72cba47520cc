import type { Envelope } from '../edge/envelope.ts';
import type { Admin } from '../operator/access.ts';

/** The path at which the admin API is mounted. */
export const ADMIN_PATH = '/admin/v1';

/** The admin API's data about a request. */
export interface AdminEnvelope {
  /** `admin` is undefined until a token has been verified. */
  Variables: Envelope['Variables'] & { admin: Admin | undefined };
}
