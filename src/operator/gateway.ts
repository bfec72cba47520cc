import { GATEWAY_RANDOM_BYTES, type GatewayId, mintGatewayId } from '../core/identity/ids.ts';
import { ok } from '../core/result.ts';
import { VERSION } from '../version.ts';
import { reading } from './operation.ts';

/** The id of this gateway, and the release that the gateway runs. */
export interface GatewayDescription {
  readonly version: string;
  readonly gatewayId: GatewayId;
}

/** Describes the gateway. The first call stores the gateway's id. Later calls return the same id, even after a restart. */
export const readGateway = reading(async ({ settings: { rootKeys }, objects }) => {
  const offered = mintGatewayId(rootKeys, crypto.getRandomValues(new Uint8Array(GATEWAY_RANDOM_BYTES)));
  const gatewayId = await objects.directory(async (stub) => await stub.gatewayId(offered));
  return ok<GatewayDescription>({ version: VERSION, gatewayId });
});
