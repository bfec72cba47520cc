import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface WorkerdConfig {
  readonly port: number;
  /** The fields of the worker, in the language of workerd's configuration. */
  readonly worker: string;
  /** Other services. */
  readonly services?: readonly string[];
}

/** Writes the configuration of one worker on one port, beside its `worker.js`. @returns its path. */
export async function writeWorkerdConfig(
  folder: string,
  { port, worker, services = [] }: WorkerdConfig,
): Promise<string> {
  const path = join(folder, 'config.capnp');
  const network = '(name = "internet", network = (allow = ["public", "private"]))';
  await writeFile(
    path,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (${worker})), ${[network, ...services].join(', ')}],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")]
);
`,
  );
  return path;
}
