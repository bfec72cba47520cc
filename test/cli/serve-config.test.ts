import { describe, expect, it } from 'vitest';
import { renderServeConfig, renderWorker } from '../../src/cli/serve/config.ts';
import { SETTING_NAMES } from '../../src/core/settings.ts';

const SOCKET = { name: 'gateway', address: '127.0.0.1:0' };
const BASE = { workerFile: '/dist/postern.capnp', objectsDir: '/state/objects', sockets: [SOCKET] };

describe('renderServeConfig', () => {
  const METADATA = '"169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128"';

  it.each([
    [undefined, 'allow = ["public"], deny = []'],
    ['http://127.0.0.1:9001', 'allow = ["127.0.0.1/32"], deny = []'],
    ['http://10.0.0.7/', 'allow = ["10.0.0.7/32"], deny = []'],
    // `fetch` reads such a host as 127.0.0.1, and so does this.
    ['http://2130706433', 'allow = ["127.0.0.1/32"], deny = []'],
    ['http://[::1]:9001', 'allow = ["::1/128"], deny = []'],
    ['http://localhost:4566', 'allow = ["local"], deny = []'],
    ['https://lambda.internal', `allow = ["public", "private"], deny = [${METADATA}]`],
  ])('opens for the endpoint %s no more than it needs', (lambdaEndpoint, expected) => {
    expect(renderServeConfig({ ...BASE, lambdaEndpoint })).toContain(expected);
  });

  it('removes CF-Connecting-IP, and tells the Worker what a socket is, where no caller can write', () => {
    const removed = 'injectRequestHeaders = [(name = "CF-Connecting-IP")]';
    const plain = renderServeConfig(BASE);
    expect(plain).toContain(removed);
    expect(plain).not.toContain('props');
    const trusting = { ...SOCKET, serves: 'callers', behindTlsProxy: true, keepConnectingIp: true } as const;
    const behind = renderServeConfig({ ...BASE, sockets: [trusting] });
    expect(behind).not.toContain(removed);
    expect(behind).toContain(
      String.raw`entrypoint = "callers", props = (json = "{\"behindTlsProxy\":true,\"isDirect\":false}")`,
    );
  });

  it('lets no path end its text', () => {
    const config = renderServeConfig({ ...BASE, objectsDir: '/a"b\\c\nd' });
    expect(config).toContain(String.raw`path = "/a\"b\\c\x0ad"`);
  });
});

describe('renderWorker', () => {
  it('takes each setting from the environment', () => {
    const text = renderWorker({ compatibilityDate: '2026-10-23', compatibilityFlags: [], objects: [] });
    for (const name of SETTING_NAMES) expect(text).toContain(`(name = "${name}", fromEnvironment = "${name}")`);
  });
});
