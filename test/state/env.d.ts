import type { ObjectBindings } from '../../src/state/objects.ts';

declare global {
  namespace Cloudflare {
    interface Env extends ObjectBindings {
      readonly POSTERN_ADMIN_TOKEN: string;
      readonly POSTERN_ROOT_KEYS: string;
    }
    interface GlobalProps {
      mainModule: typeof import('../../src/worker.ts');
    }
  }
}
