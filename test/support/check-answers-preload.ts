import { UNDESCRIBED } from './cli.ts';
import { watchAdminAnswers } from './watch-admin-answers.ts';

// Loaded by Node before a command under test (`--import`).
const watch = watchAdminAnswers();
process.once('exit', () => {
  const faults = watch.takeFaults();
  if (faults.length === 0) return;
  console.error(['the admin API answers what it does not describe:', ...faults].join('\n'));
  process.exitCode = UNDESCRIBED;
});
