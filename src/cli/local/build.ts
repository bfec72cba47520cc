import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unstable_readConfig } from 'wrangler';
import { renderWorker, workerFileOf } from '../serve/config.ts';
import { type Bundle, type BundleOptions, bundleWorker, PACKAGE_ROOT } from './bundle.ts';

/** A built Worker, ready to deploy. With the file `config`, workerd can serve the Worker. */
export interface Build extends Bundle {
  readonly config: string;
}

/** Builds the Worker into a folder: writes `worker.js`, its WebAssembly module and `postern.capnp`. */
export async function buildWorker(outDir: string, options: BundleOptions = {}): Promise<Build> {
  const bundle = await bundleWorker(outDir, options);
  const { compatibility_date, compatibility_flags, durable_objects } = unstable_readConfig({
    config: join(PACKAGE_ROOT, 'wrangler.toml'),
  });
  if (compatibility_date === undefined) throw new Error('wrangler.toml has no compatibility_date');
  const config = workerFileOf(outDir);
  const facts = {
    compatibilityDate: compatibility_date,
    compatibilityFlags: compatibility_flags,
    objects: durable_objects.bindings,
  };
  await writeFile(config, renderWorker(facts));
  return { ...bundle, config };
}
