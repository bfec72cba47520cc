/** A function in a CPU profile, and the position of its code, counted from 0. */
export interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
  readonly columnNumber: number;
}

/** What `Profiler.stop` of the Chrome DevTools protocol answers; a `.cpuprofile` file holds just that. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: CallFrame;
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const SAMPLE_MICROSECONDS = 200;

/** Samples the worker `postern` behind workerd's inspector for as long as something runs. */
export async function profile(inspectorPort: number, during: () => Promise<void>): Promise<CpuProfile> {
  const listed = await fetch(`http://127.0.0.1:${inspectorPort}/json`);
  const targets = (await listed.json()) as { id: string; webSocketDebuggerUrl: string }[];
  const target = targets.find(({ id }) => id.includes('postern')) ?? targets[0];
  if (!target) throw new Error('workerd has nothing to inspect');
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  await new Promise((opened, failed) => {
    socket.addEventListener('open', opened);
    socket.addEventListener('error', failed);
  });
  let id = 0;
  const send = <T>(method: string, params: object = {}): Promise<T> => {
    const mine = ++id;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const listen = ({ data }: MessageEvent) => {
      const message = JSON.parse(String(data));
      if (message.id !== mine) return;
      socket.removeEventListener('message', listen);
      if (message.error) reject(new Error(`${method}: ${JSON.stringify(message.error)}`));
      else resolve(message.result);
    };
    socket.addEventListener('message', listen);
    socket.send(JSON.stringify({ id: mine, method, params }));
    return promise;
  };
  try {
    await send('Profiler.enable');
    await send('Profiler.setSamplingInterval', { interval: SAMPLE_MICROSECONDS });
    await send('Profiler.start');
    await during();
    return (await send<{ profile: CpuProfile }>('Profiler.stop')).profile;
  } finally {
    socket.close();
  }
}

/** A function's part of the samples that were not idle: of its own code, and with all that it called. */
export interface HotFunction {
  readonly name: string;
  readonly selfPart: number;
  readonly totalPart: number;
}

/** The functions of a profile, the most self time first. Native functions are distinguished by their caller. */
export function hotFunctions(
  { nodes, samples, timeDeltas }: CpuProfile,
  describe: (frame: CallFrame) => string,
): HotFunction[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const nameOf = ({ id, callFrame }: CpuProfile['nodes'][number]): string => {
    const caller = byId.get(parents.get(id) ?? 0);
    const isNative = callFrame.url === '' && !callFrame.functionName.startsWith('(');
    if (!isNative || !caller || caller.callFrame.functionName === '(root)') return describe(callFrame);
    return `native ${callFrame.functionName} of ${nameOf(caller)}`;
  };
  const self = new Map<string, number>();
  const total = new Map<string, number>();
  const add = (to: Map<string, number>, key: string, time: number) => to.set(key, (to.get(key) ?? 0) + time);
  let busy = 0;
  for (const [index, sample] of samples.entries()) {
    const leaf = byId.get(sample);
    const time = timeDeltas[index] ?? 0;
    if (!leaf || leaf.callFrame.functionName === '(idle)') continue;
    busy += time;
    add(self, nameOf(leaf), time);
    const seen = new Set<string>();
    for (let at: number | undefined = leaf.id; at !== undefined; at = parents.get(at)) {
      const node = byId.get(at);
      if (node) seen.add(nameOf(node));
    }
    for (const key of seen) add(total, key, time);
  }
  return [...total]
    .map(([name, time]) => ({ name, selfPart: (self.get(name) ?? 0) / busy, totalPart: time / busy }))
    .toSorted((a, b) => b.selfPart - a.selfPart);
}
