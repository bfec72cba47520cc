/**
 * Facts about the socket that received a request. `postern serve` states these facts in `ctx.props`, and `postern dev`
 * states them in a binding, so no caller can set them. On Cloudflare, `ctx.props` and the binding state nothing.
 */
export interface Listener {
  /** True if every request comes through a proxy that ends TLS: the proxy is the peer, and sets `X-Forwarded-Proto`. */
  readonly behindTlsProxy: boolean;
  /** True if callers connect directly, without a proxy. The peer is then the caller, whatever a header says. */
  readonly isDirect: boolean;
  /** True if the socket listens on a loopback address only, so that every peer is on this machine. */
  readonly loopbackOnly: boolean;
}

/** The facts that `postern serve` states in `ctx.props`. */
export type ListenerProps = Pick<Listener, 'behindTlsProxy' | 'isDirect'>;

/** `postern dev` listens on 127.0.0.1 only, and states this in the binding `LISTENER`. */
export const LISTENER_BINDING = 'LISTENER';
export const LOOPBACK_ONLY = 'loopback';

/** Reads the facts about the socket. A fact that is not stated is false, the strict value: fails closed. */
export function readListener(props: unknown, env: unknown): Listener {
  const { behindTlsProxy, isDirect } = (props ?? {}) as Partial<Record<keyof ListenerProps, unknown>>;
  return {
    behindTlsProxy: behindTlsProxy === true,
    isDirect: isDirect === true,
    loopbackOnly: (env as Record<string, unknown> | undefined)?.[LISTENER_BINDING] === LOOPBACK_ONLY,
  };
}
