/**
 * The socket that a request came in by. `postern serve` states it in `ctx.props`, `postern dev` in a binding, so no caller
 * can set it. On Cloudflare there is neither.
 */
export interface Listener {
  /** A proxy that ends TLS is the only way in: `X-Forwarded-Proto` is its word, and the peer is the proxy. */
  readonly behindTlsProxy: boolean;
  /** Callers connect to it directly, without a proxy: the peer is the caller, whatever a header says. */
  readonly isDirect: boolean;
  /** It listens on a loopback address only, so every peer is on this machine. */
  readonly loopbackOnly: boolean;
}

/** Props of a socket, as `postern serve` writes them. */
export type ListenerProps = Pick<Listener, 'behindTlsProxy' | 'isDirect'>;

/** The binding by which `postern dev`, which listens on 127.0.0.1 alone, says so. */
export const LISTENER_BINDING = 'LISTENER';
export const LOOPBACK_ONLY = 'loopback';

/** Reads what is known of the socket. Anything not stated is the strict case: fails closed. */
export function readListener(props: unknown, env: unknown): Listener {
  const { behindTlsProxy, isDirect } = (props ?? {}) as Partial<Record<keyof ListenerProps, unknown>>;
  return {
    behindTlsProxy: behindTlsProxy === true,
    isDirect: isDirect === true,
    loopbackOnly: (env as Record<string, unknown> | undefined)?.[LISTENER_BINDING] === LOOPBACK_ONLY,
  };
}
