import { locationHintOf, type TenantId } from '../core/identity/ids.ts';
import { toStateError } from '../core/tenancy/state-error.ts';
import type { OBJECT_CLASSES } from './bindings.ts';
import type { Directory } from './directory/directory.ts';
import type { Tenant } from './tenant/tenant.ts';

/** The Durable Object bindings of `wrangler.toml`. */
export type ObjectBindings = {
  readonly [Binding in keyof typeof OBJECT_CLASSES]: DurableObjectNamespace<Classes[(typeof OBJECT_CLASSES)[Binding]]>;
};

interface Classes {
  Tenant: Tenant;
  Directory: Directory;
}

/** The only way to call an object. Each attempt uses a fresh stub. */
export interface Objects {
  /** Calls a tenant's object. The call must be safe to repeat. */
  tenant<T>(id: TenantId, call: (stub: DurableObjectStub<Tenant>) => Promise<T>): Promise<T>;
  /** Calls the directory. The call must be safe to repeat. */
  directory<T>(call: (stub: DurableObjectStub<Directory>) => Promise<T>): Promise<T>;
}

const ATTEMPTS = 3;
const MAX_BACKOFF_MS = 100;

/**
 * Makes a call, and repeats the call after a retryable error. Never repeats a call to an overloaded object (Durable Objects,
 * Error handling: `.retryable` and `.overloaded`). `call` must use a fresh stub each time.
 *
 * @throws StateError
 */
async function repeat<T>(object: TenantId | 'directory', call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      const { retryable, overloaded } = error as { retryable?: boolean; overloaded?: boolean };
      if (!retryable || overloaded || attempt === ATTEMPTS) throw toStateError(object, error);
      await scheduler.wait(Math.random() * MAX_BACKOFF_MS * attempt);
    }
  }
}

export function createObjects({ TENANT, DIRECTORY }: ObjectBindings): Objects {
  return {
    tenant: (id, call) =>
      repeat(id, () => call(TENANT.get(TENANT.idFromName(id), { locationHint: locationHintOf(id) }))),
    directory: (call) => repeat('directory', () => call(DIRECTORY.get(DIRECTORY.idFromName('directory')))),
  };
}
