import { env } from 'cloudflare:workers';
import { Tenant } from '../../src/worker.ts';

// The real Worker, but a tenant's object first asks the test whether it may answer. See `held-objects.ts`.
export * from '../../src/worker.ts';
export { default } from '../../src/worker.ts';

const { ask } = Tenant.prototype;
Object.assign(Tenant.prototype, {
  async ask(this: Tenant, ...question: Parameters<typeof ask>) {
    const { HOLD_URL } = env as unknown as { HOLD_URL: string };
    await fetch(`${HOLD_URL}/${this.read()?.id}`);
    return ask.apply(this, question);
  },
});
