/** The version of Postern: what the bundle, the CLI and the banner say. A test holds `package.json` to it. */
export const VERSION = '0.1.0';
