import { GATEWAY_RANDOM_BYTES, type GatewayId, mintGatewayId } from '../core/identity/ids.ts';
import { ok } from '../core/result.ts';
import { VERSION } from '../version.ts';
import { reading } from './operation.ts';

/** Which gateway this is, and the release that it runs. */
export interface GatewayDescription {
  readonly version: string;
  readonly gatewayId: GatewayId;
}

/** Describes the gateway. The first reading stores its id; every later one, after any restart, returns the same. */
export const readGateway = reading(async ({ settings: { rootKeys }, objects }) => {
  const offered = mintGatewayId(rootKeys, crypto.getRandomValues(new Uint8Array(GATEWAY_RANDOM_BYTES)));
  const gatewayId = await objects.directory(async (stub) => await stub.gatewayId(offered));
  return ok<GatewayDescription>({ version: VERSION, gatewayId });
});
