import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A folder of handlers for one test file. */
export interface Folder {
  readonly path: string;
  write(name: string, code: string): void;
  remove(name: string): void;
}

/** Makes an empty folder outside the project, so that no package.json says what its modules are. */
export function makeFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), 'emulator-'));
  return {
    path,
    write(name, code) {
      mkdirSync(dirname(join(path, name)), { recursive: true });
      writeFileSync(join(path, name), code);
    },
    remove: (name) => rmSync(join(path, name), { recursive: true }),
  };
}
