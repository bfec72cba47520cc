import { parseArgs } from 'node:util';
import { runProfile } from './profile.ts';

const { values } = parseArgs({
  options: {
    profile: { type: 'boolean', default: false },
    out: { type: 'string', default: '.bench' },
  },
});

if (values.profile) await runProfile(values.out);
