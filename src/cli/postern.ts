#!/usr/bin/env node
import { Command } from 'commander';
import { applyCommand } from './commands/apply.ts';
import { buildCommand } from './commands/build.ts';
import { devCommand } from './commands/dev.ts';
import { diffCommand } from './commands/diff.ts';
import { exportCommand } from './commands/export.ts';
import { schemaCommand } from './commands/schema.ts';
import { conformanceCommand } from './conformance.ts';
import { EXIT_HELP } from './exit.ts';
import { run } from './run.ts';

const program = new Command('postern')
  .description('AWS Lambda Invoke for callers who have no AWS keys')
  .addHelpText('afterAll', EXIT_HELP)
  .exitOverride();

for (const add of [
  devCommand,
  applyCommand,
  diffCommand,
  exportCommand,
  schemaCommand,
  buildCommand,
  conformanceCommand,
])
  add(program);

await run(program);
