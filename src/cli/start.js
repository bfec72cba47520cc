#!/usr/bin/env node
// The command, for any Node: an old one cannot read the rest, which is TypeScript, and would not say why.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `postern: this is Node ${process.versions.node}, and Postern needs 22.18 or newer. In its folder, \`npm install\` installs one: ` +
      'use `npm start` and `npm run postern --`.',
  );
  process.exit(2);
}
await import('./postern.ts');
