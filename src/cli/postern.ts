#!/usr/bin/env node
import { Command } from 'commander';
import { VERSION } from '../version.ts';
import { applyCommand } from './commands/apply.ts';
import { auditCommand } from './commands/audit.ts';
import { buildCommand } from './commands/build.ts';
import { conformanceCommand } from './commands/conformance.ts';
import { devCommand } from './commands/dev.ts';
import { diffCommand } from './commands/diff.ts';
import { doctorCommand } from './commands/doctor.ts';
import { explainCommand } from './commands/explain.ts';
import { exportCommand } from './commands/export.ts';
import { invokeCommand } from './commands/invoke.ts';
import { keysCommand } from './commands/keys.ts';
import { openapiCommand } from './commands/openapi.ts';
import { schemaCommand } from './commands/schema.ts';
import { serveCommand } from './commands/serve.ts';
import { tenantsCommand } from './commands/tenants.ts';
import { tokensCommand } from './commands/tokens.ts';
import { usageCommand } from './commands/usage.ts';
import { EXIT_HELP } from './terminal/exit.ts';
import { run } from './terminal/run.ts';

const program = new Command('postern')
  .description('AWS Lambda Invoke for callers who have no AWS keys')
  .version(VERSION, '--version', 'print the version')
  .addHelpText('afterAll', EXIT_HELP)
  .exitOverride();

for (const add of [
  devCommand,
  serveCommand,
  tenantsCommand,
  keysCommand,
  tokensCommand,
  usageCommand,
  auditCommand,
  explainCommand,
  invokeCommand,
  applyCommand,
  diffCommand,
  exportCommand,
  schemaCommand,
  openapiCommand,
  doctorCommand,
  conformanceCommand,
  buildCommand,
])
  add(program);

await run(program);
